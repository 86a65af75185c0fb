<?php
// Saves five customers and reads them back page by page. Replaces a rejected token.

require 'GuzzleHttp/autoload.php';

$shop = new GuzzleHttp\Client(['base_uri' => 'https://api.yotpo.com/core/v3/stores/shop/', 'http_errors' => false]);
$token = '';

function log_in(): void
{
    global $shop, $token;
    $response = $shop->post('access_tokens', ['json' => ['secret' => 's3cret']]);
    $token = json_decode($response->getBody(), true)['access_token'] ?? throw new RuntimeException('no token');
}

function call(string $method, string $path, array $options = []): array
{
    global $shop, $token;
    for ($attempt = 1; ; $attempt++) {
        $response = $shop->request($method, $path, $options + ['headers' => ['X-Yotpo-Token' => $token]]);
        if ($response->getStatusCode() === 200) {
            return json_decode($response->getBody(), true);
        }
        if ($attempt === 2 || !in_array($response->getStatusCode(), [401, 403])) {
            throw new RuntimeException("$method $path: {$response->getStatusCode()}");
        }
        log_in();
    }
}

log_in();
foreach (range(1, 5) as $n) {
    call('PATCH', 'customers', ['json' => ['customer' => ['external_id' => "c-$n", 'first_name' => 'Ann']]]);
}

$ids = [];
for ($query = 'limit=1'; $query; ) {
    $page = call('GET', "customers?$query");
    array_push($ids, ...array_column($page['customers'], 'external_id'));
    $following = $page['pagination']['next_page_info'];
    $query = $following === null ? null : "page_info=$following";
}
echo 'read ', implode(' ', $ids), "\n";
