import { describe, expect, test } from 'vitest';
import { isPublicAddress, webhookUrlFault } from './webhook-url.ts';

describe('an address that webhooks may go to', () => {
  test.for([
    'https://example.com/hook?x=1',
    'https://example.com:8443/hook',
    'https://8.8.8.8/hook',
    'https://[2606:4700::1111]/hook',
    'https://localhost.example.com/hook',
    'https://10.example.com/hook',
  ])('%s', (url) => {
    expect(webhookUrlFault(url, false)).toBeUndefined();
  });
});

describe('an address inside is refused, however it is written', () => {
  test.for([
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f000001/',
    'https://0177.0.0.1/',
    'https://0x7f.0.0.1/',
    'https://127.0.0.1./',
    'https://①②⑦.0.0.1/',
    'https://0.0.0.0/',
    'https://10.0.0.1/',
    'https://172.31.255.255/',
    'https://192.168.1.1/',
    'https://100.64.0.1/',
    'https://169.254.169.254/latest/meta-data/',
    'https://168.63.129.16/',
    'https://198.18.0.1/',
    'https://224.0.0.1/',
    'https://255.255.255.255/',
    'https://[::1]/',
    'https://[::]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:8.8.8.8]/',
    'https://[::127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[64:ff9b:1::a00:1]/',
    'https://[2002:7f00:1::]/',
    'https://[2001::1]/',
    'https://[fd00:ec2::254]/',
    'https://[fe80::1]/',
    'https://[fec0::1]/',
    'https://[ff02::1]/',
    'https://localhost/',
    'https://LOCALHOST./',
    'https://api.localhost/',
  ])('%s', (url) => {
    expect(webhookUrlFault(url, false)).toBe('must lead to a public address');
  });
});

test.for([
  ['http://example.com/', 'must be an https URL'],
  ['ftp://example.com/', 'must be an https URL'],
  ['javascript:alert(1)', 'must be an https URL'],
  ['example.com/hook', 'must be a URL'],
  ['', 'must be a URL'],
  ['https://user@example.com/', 'must carry no user name or password'],
  ['https://:secret@example.com/', 'must carry no user name or password'],
  [`https://example.com/${'x'.repeat(2048)}`, 'must have at most 2048 characters'],
] as const)('%s %s', ([url, fault]) => {
  expect(webhookUrlFault(url, false)).toBe(fault);
});

test('development may use http and addresses inside, and still no credentials', () => {
  expect(webhookUrlFault('http://127.0.0.1:3000/hook', true)).toBeUndefined();
  expect(webhookUrlFault('https://localhost/hook', true)).toBeUndefined();
  expect(webhookUrlFault('http://10.0.0.1/hook', true)).toBeUndefined();
  expect(webhookUrlFault('http://[::1]:3000/hook', true)).toBeUndefined();
  for (const url of [
    'http://169.254.169.254/',
    'http://0.0.0.0/',
    'http://[fe80::1]/',
    'http://168.63.129.16/',
    'http://[fd00:ec2::254]/',
    'http://[fd20:ce:0::254]/',
  ]) {
    expect(webhookUrlFault(url, true)).toBe('must lead to a public address');
  }
  expect(webhookUrlFault('ftp://example.com/', true)).toBe('must be an https URL');
  expect(webhookUrlFault('http://user:password@127.0.0.1/', true)).toBe('must carry no user name or password');
});

test('what a resolver gives that is no address is not public', () => {
  expect(isPublicAddress('')).toBe(false);
  expect(isPublicAddress('example.com')).toBe(false);
  expect(isPublicAddress('fe80::1%eth0')).toBe(false);
  expect(isPublicAddress('1.1.1.1')).toBe(true);
});
