<?php
// Saves five customers and reads them back page by page. Replaces a rejected token.

const SHOP = 'https://api.yotpo.com/core/v3/stores/shop';
$token = '';

function send(string $method, string $path, ?array $body, string $token): array
{
    $curl = curl_init(SHOP . '/' . $path);
    curl_setopt_array($curl, [
        CURLOPT_CUSTOMREQUEST => $method,
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => ['Content-Type: application/json', "X-Yotpo-Token: $token"],
    ]);
    if ($body !== null) {
        curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body));
    }
    $response = curl_exec($curl);
    if ($response === false) {
        throw new RuntimeException(curl_error($curl));
    }
    return [curl_getinfo($curl, CURLINFO_RESPONSE_CODE), json_decode($response, true)];
}

function log_in(): string
{
    [$status, $response] = send('POST', 'access_tokens', ['secret' => 's3cret'], '');
    return $status === 200 ? $response['access_token'] : throw new RuntimeException("no token: $status");
}

function call(string $method, string $path, ?array $body = null): array
{
    global $token;
    for ($attempt = 1; ; $attempt++) {
        [$status, $response] = send($method, $path, $body, $token);
        if ($status === 200) {
            return $response;
        }
        if ($attempt === 2 || !in_array($status, [401, 403])) {
            throw new RuntimeException("$method $path: $status");
        }
        $token = log_in();
    }
}

$token = log_in();
foreach (range(1, 5) as $n) {
    call('PATCH', 'customers', ['customer' => ['external_id' => "c-$n", 'first_name' => 'Ann']]);
}

$ids = [];
for ($query = 'limit=1'; $query; ) {
    $page = call('GET', "customers?$query");
    array_push($ids, ...array_column($page['customers'], 'external_id'));
    $following = $page['pagination']['next_page_info'];
    $query = $following === null ? null : "page_info=$following";
}
echo 'read ', implode(' ', $ids), "\n";
