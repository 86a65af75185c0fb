import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Saves five customers and reads them back page by page. Replaces a rejected token. */
public class Client {
    private static final String SHOP = "https://api.yotpo.com/core/v3/stores/shop/";
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static String token = "";

    public static void main(String[] arguments) throws Exception {
        logIn();
        for (int n = 1; n <= 5; n++) {
            call("PATCH", "customers", "{\"customer\":{\"external_id\":\"c-" + n + "\",\"first_name\":\"Ann\"}}");
        }
        List<String> ids = new ArrayList<>();
        String query = "limit=1";
        while (query != null) {
            String page = call("GET", "customers?" + query, "");
            Matcher found = Pattern.compile("\"external_id\":\"([^\"]*)\"").matcher(page);
            while (found.find()) {
                ids.add(found.group(1));
            }
            String following = text(page, "next_page_info");
            query = following == null ? null : "page_info=" + following;
        }
        System.out.println("read " + String.join(" ", ids));
    }

    private static void logIn() throws Exception {
        HttpResponse<String> response = send("POST", "access_tokens", "{\"secret\":\"s3cret\"}");
        if (response.statusCode() != 200) {
            throw new IllegalStateException("no token: " + response.statusCode());
        }
        token = text(response.body(), "access_token");
    }

    private static String call(String method, String path, String body) throws Exception {
        HttpResponse<String> response = send(method, path, body);
        if (response.statusCode() == 401 || response.statusCode() == 403) {
            logIn();
            response = send(method, path, body);
        }
        if (response.statusCode() != 200) {
            throw new IllegalStateException(method + " " + path + ": " + response.statusCode());
        }
        return response.body();
    }

    private static HttpResponse<String> send(String method, String path, String body) throws Exception {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(SHOP + path))
                .method(method, BodyPublishers.ofString(body))
                .header("Content-Type", "application/json");
        if (!token.isEmpty()) {
            request.header("X-Yotpo-Token", token);
        }
        return HTTP.send(request.build(), BodyHandlers.ofString());
    }

    /** The string value of a key, in JSON whose strings contain no quotes. */
    private static String text(String json, String key) {
        Matcher found = Pattern.compile("\"" + key + "\":\"([^\"]*)\"").matcher(json);
        return found.find() ? found.group(1) : null;
    }
}
