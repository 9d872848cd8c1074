import { isIpLiteral } from '../net/address.ts';
import { ListenError } from './seam/sockets.ts';

/**
 * The literal to bind for a listener's host. A name binds its first IPv4 address, else its first IPv6 one, on every runtime
 * (left to themselves they choose differently for `localhost`).
 * @throws {ListenError} when the name has no address
 */
export async function listenHost(host: string): Promise<string> {
  if (isIpLiteral(host)) return host;
  try {
    const found = await process.getBuiltinModule('node:dns/promises').lookup(host, { all: true });
    return (found.find(({ family }) => family === 4) ?? found[0]!).address;
  } catch {
    throw new ListenError('unavailable', `the host name ${host} has no address to listen on`);
  }
}
