import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressError, formatAddress } from '../../src/net/address.ts';
import { type ParsedNode, parseNode } from '../../src/options/node-address.ts';

const PLAIN: ParsedNode = {
  kind: 'uwsgi',
  address: { kind: 'tcp', host: '10.0.0.1', port: 3031 },
  plain: null,
  weight: 1,
  isBackup: false,
  modifier1: null,
  modifier2: null,
  maxConnections: 0,
  fails: null,
  text: '10.0.0.1:3031',
};

const OPTIONS: readonly (readonly [options: string, node: Partial<ParsedNode>])[] = [
  ['', {}],
  [',weight=3,backup=1,modifier1=5', { weight: 3, isBackup: true, modifier1: 5 }],
  [',modifier2=255,max-conns=20,fails=4', { modifier2: 255, maxConnections: 20, fails: 4 }],
  [',weight=1000,backup=0,modifier1=0,max-conns=0,fails=1', { weight: 1000, modifier1: 0, fails: 1 }],
  [',5', { modifier1: 5 }],
  [',5,weight=2', { modifier1: 5, weight: 2 }],
  [' , weight = 7 ', { weight: 7 }],
];

for (const [options, node] of OPTIONS) {
  test(`options "${options}"`, () => assert.deepEqual(parseNode(`10.0.0.1:3031${options}`, 'uwsgi'), { ...PLAIN, ...node }));
}

const PLACES: readonly (readonly [text: string, kind: ParsedNode['kind'], address: string])[] = [
  ['10.0.0.1:3031', 'uwsgi', '10.0.0.1:3031'],
  [':3031', 'uwsgi', '127.0.0.1:3031'],
  ['/run/app.sock', 'uwsgi', '/run/app.sock'],
  ['@name', 'uwsgi', '@name'],
  ['uwsgi://app.example:3031', 'uwsgi', 'app.example:3031'],
  ['uwsgi:/run/app.sock', 'uwsgi', '/run/app.sock'],
  // Hosts that are called like a scheme.
  ['uwsgi:3031', 'uwsgi', 'uwsgi:3031'],
  ['http:8080', 'uwsgi', 'http:8080'],
  ['http://app.example', 'http', 'app.example:80'],
  ['HTTP://app.example:8000', 'http', 'app.example:8000'],
  ['http://[::1]', 'http', '[::1]:80'],
  ['http://[::1]:81', 'http', '[::1]:81'],
  ['http://:8080', 'http', '127.0.0.1:8080'],
  ['http:/run/app.sock', 'http', '/run/app.sock'],
  ['http:./app.sock', 'http', './app.sock'],
  ['http:@name', 'http', '@name'],
  ['puwsgi://10.0.0.1:5', 'puwsgi', '10.0.0.1:5'],
  ['puwsgi:/run/p.sock', 'puwsgi', '/run/p.sock'],
];

for (const [text, kind, address] of PLACES) {
  test(`${text} is ${kind} at ${address}`, () => {
    const node = parseNode(`${text},weight=2`, 'uwsgi');
    assert.deepEqual([node.kind, formatAddress(node.address), node.text, node.weight], [kind, address, text, 2]);
    assert.equal(parseNode(text, 'http').kind, kind === 'uwsgi' && !/^uwsgi:\//.test(text) ? 'http' : kind);
  });
}

test('the plain address of a puwsgi node', () => {
  const plain = (text: string): string => formatAddress(parseNode(text, 'uwsgi').plain!);
  assert.equal(plain('puwsgi://10.0.0.1:5,uwsgi=10.0.0.1:6'), '10.0.0.1:6');
  assert.equal(plain('puwsgi:/p.sock,uwsgi=/plain.sock,weight=2'), '/plain.sock');
  assert.equal(plain('puwsgi://app.example:5,uwsgi=app.example:6'), 'app.example:6');
  assert.equal(plain('puwsgi://app.example:5,uwsgi=@plain'), '@plain');
});

const WRONG: readonly (readonly [text: string, problem: RegExp, hint: RegExp])[] = [
  ['', /empty/, /host:port/],
  ['localhost', /no address/, /add a port: "localhost:8080"/],
  ['"a:1"', /no address/, /quotes/],
  ['a:0', /port 0/, /./],
  ['a:99999', /no port/, /0–65535/],
  ['https://a:443', /not available yet/, /write http:\/\//],
  ['https://a', /not available yet/, /write http:\/\//],
  ['htpp://a:1', /"htpp" is nothing/, /did you mean "http"/],
  ['unix:///run/a.sock', /"unix" is nothing/, /"\/run\/a.sock"/],
  ['tcp://1.2.3.4:5', /"tcp" is nothing/, /"1.2.3.4:5"/],
  ['fd://3', /listened on/, /address of the node/],
  ['http://', /wants a host/, /http:\/\/host:port/],
  ['http:///run/a.sock', /wants a host/, /http:\/run\/a.sock/],
  ['http://@name', /wants a host/, /http:@name/],
  ['http://a:1/', /no path/, /write "http:\/\/a:1"$/],
  ['http://a/api?b', /no path/, /write "http:\/\/a"$/],
  ['http://a?b', /no path/, /write "http:\/\/a"$/],
  ['http://me:pw@a:1/x', /user name/, /write "http:\/\/a:1"$/],
  ['http://::1', /brackets/, /write "http:\/\/\[::1\]"$/],
  ['uwsgi://::1', /brackets/, /\[::1\]:3031/],
  ['http://a:', /no port/, /./],
  ['uwsgi://a', /port is missing/, /uwsgi:\/\/a:3031/],
  ['uwsgi://a:1/x', /no path/, /write "uwsgi:\/\/a:1"/],
  ['puwsgi://a:1,uwsgi=b:2', /"b" in uwsgi=/, /same name/],
  ['puwsgi://1.2.3.4:1,uwsgi=b:2', /"b" in uwsgi=/, /IP address/],
  ['puwsgi://a:1,uwsgi=', /empty/, /./],
  ['puwsgi://a:1,uwsgi', /wants a value/, /uwsgi=127/],
  ['a:1,uwsgi=b:2', /puwsgi node/, /http-to of its own/],
  ['http://a,modifier1=5', /modifier1 is for uwsgi/, /uwsgi:\/\/host:port/],
  ['http://a,5', /modifier1 is for uwsgi/, /leave it out/],
  ['a:1,wieght=2', /no option "wieght"/, /did you mean "weight"/],
  ['a:1,max_conn=2', /no option "max_conn"/, /did you mean "max-conns"/],
  ['a:1,colour=2', /no option "colour"/, /weight, backup/],
  ['/run/a,b.sock', /no option "b.sock"/, /comma/],
  ['a:1,b:2', /no option/, /once for each node/],
  ['a:1,weight=2,weight=2', /weight is there twice/, /keep one/],
  ['a:1,5,modifier1=5', /modifier1 is there twice/, /keep one/],
  ['a:1,weight=2,5', /no option "5"/, /./],
  ['a:1,', /comma stands alone/, /weight=3/],
  ['a:1,,weight=2', /comma stands alone/, /weight=3/],
  ['a:1,weight', /wants a value/, /weight=1/],
  ['a:1,weight=', /weight cannot be ""/, /1 to 1000/],
  ['a:1,weight=0', /weight cannot be "0"/, /1 to 1000/],
  ['a:1,weight=1001', /weight cannot be/, /1 to 1000/],
  ['a:1,weight=1.5', /weight cannot be/, /1 to 1000/],
  ['a:1,weight=-1', /weight cannot be/, /1 to 1000/],
  ['a:1,backup=yes', /backup cannot be/, /0 to 1/],
  ['a:1,256', /modifier1 cannot be/, /0 to 255/],
  ['a:1,modifier2=256', /modifier2 cannot be/, /0 to 255/],
  ['a:1,fails=0', /fails cannot be/, /1 to/],
];

for (const [text, problem, hint] of WRONG) {
  test(`"${text}" is refused with a hint`, () => {
    assert.throws(
      () => parseNode(text, 'uwsgi'),
      (error) => {
        assert.ok(error instanceof AddressError, String(error));
        assert.match(error.message, problem);
        assert.match(error.message, hint);
        return true;
      },
    );
  });
}
