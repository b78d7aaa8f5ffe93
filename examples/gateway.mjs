// What all examples share: where the gateway is, and a request with its JSON answer.
export const gateway = process.env.GATEWAY_URL ?? 'http://localhost:8000';

const key = process.env.GATEWAY_KEY;
export const headers = {
  'content-type': 'application/json',
  ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
};

export async function call(method, path, body, more = {}) {
  const response = await fetch(new URL(path, gateway), {
    method,
    headers: { ...headers, ...more },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) };
}
