// Saves five customers and reads them back page by page. Replaces a rejected token.
const SHOP = 'https://api.yotpo.com/core/v3/stores/shop';
let token;

async function logIn() {
  const response = await fetch(`${SHOP}/access_tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ secret: 's3cret' }),
  });
  if (!response.ok) throw new Error(`no token: ${response.status}`);
  token = (await response.json()).access_token;
}

async function call(method, path, body) {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(`${SHOP}/${path}`, {
      method,
      headers: { 'X-Yotpo-Token': token, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (response.ok) return response.json();
    if (attempt === 2 || ![401, 403].includes(response.status)) throw new Error(`${method} ${path}: ${response.status}`);
    await logIn();
  }
}

await logIn();
for (let n = 1; n <= 5; n++) {
  await call('PATCH', 'customers', { customer: { external_id: `c-${n}`, first_name: 'Ann' } });
}

const ids = [];
for (let query = 'limit=1'; query; ) {
  const page = await call('GET', `customers?${query}`);
  ids.push(...page.customers.map((customer) => customer.external_id));
  const following = page.pagination.next_page_info;
  query = following && `page_info=${following}`;
}
console.log('read', ...ids);
