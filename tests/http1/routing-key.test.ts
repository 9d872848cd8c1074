import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routingKey, withoutPort } from '../../src/http1/routing-key.ts';
import { requestHead } from './support.ts';

const keyOf = (host: string): string => routingKey(requestHead(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`));

test('the key is the host with its port, in lower case', () => {
  assert.equal(keyOf('example.com'), 'example.com');
  assert.equal(keyOf('EXAMPLE.Com:8080'), 'example.com:8080');
  assert.equal(keyOf('[2001:DB8::A]:80'), '[2001:db8::a]:80');
  assert.equal(keyOf('A%2E%2E'), 'a%2e%2e', 'nothing is decoded');
});

test('the dot of a fully qualified name is no other name', () => {
  assert.equal(keyOf('example.com.'), 'example.com');
  assert.equal(keyOf('example.com.:80'), 'example.com:80');
  assert.equal(keyOf('a..'), 'a.', 'one dot is taken, the rest is somebody else');
  assert.equal(keyOf('.'), '.');
});

test('an absolute target names the host, whatever Host says', () => {
  const head = requestHead('GET http://One.example:81/x HTTP/1.1\r\nHost: two.example\r\n\r\n');
  assert.equal(routingKey(head), 'one.example:81');
});

test('without a host there is the name given instead', () => {
  const head = requestHead('GET / HTTP/1.0\r\n\r\n');
  assert.equal(routingKey(head), '');
  assert.equal(routingKey(head, 'SNI.example.'), 'sni.example');
});

test('the port is taken off whatever it is, and an address in brackets stays whole', () => {
  const cases = { 'a:80': 'a', 'a:8080': 'a', 'a:': 'a', a: 'a', '[::1]:80': '[::1]', '[::1]': '[::1]', '': '' };
  for (const [key, bare] of Object.entries(cases)) assert.equal(withoutPort(key), bare, key);
});
