// Saves five customers, and reads all of them back page by page. A token that is refused is replaced.
const SHOP = 'https://api.yotpo.com/core/v3/stores/shop';
let token;

async function logIn() {
  const answer = await fetch(`${SHOP}/access_tokens`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ secret: 's3cret' }),
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status}`);
  token = (await answer.json()).access_token;
}

async function call(method, path, body) {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(`${SHOP}/${path}`, {
      method,
      headers: { 'X-Yotpo-Token': token, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (answer.ok) return answer.json();
    if (attempt === 2 || ![401, 403].includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status}`);
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
