# Saves five customers and reads them back page by page. Replaces a rejected token.
require 'json'
require 'net/http'

SHOP = 'https://api.yotpo.com/core/v3/stores/shop'

def send_json(kind, path, body, token)
  uri = URI("#{SHOP}/#{path}")
  request = kind.new(uri, 'Content-Type' => 'application/json', 'X-Yotpo-Token' => token)
  request.body = JSON.generate(body) if body
  Net::HTTP.start(uri.host, uri.port, use_ssl: true) { |http| http.request(request) }
end

def log_in
  response = send_json(Net::HTTP::Post, 'access_tokens', { secret: 's3cret' }, '')
  raise "no token: #{response.code}" unless response.code == '200'

  $token = JSON.parse(response.body)['access_token']
end

def call(kind, path, body = nil)
  response = send_json(kind, path, body, $token)
  if %w[401 403].include?(response.code)
    log_in
    response = send_json(kind, path, body, $token)
  end
  raise "#{path}: #{response.code}" unless response.code == '200'

  JSON.parse(response.body)
end

log_in
(1..5).each { |n| call(Net::HTTP::Patch, 'customers', { customer: { external_id: "c-#{n}", first_name: 'Ann' } }) }

ids = []
query = 'limit=1'
while query
  page = call(Net::HTTP::Get, "customers?#{query}")
  ids += page['customers'].map { |customer| customer['external_id'] }
  following = page['pagination']['next_page_info']
  query = following && "page_info=#{following}"
end
puts "read #{ids.join(' ')}"
