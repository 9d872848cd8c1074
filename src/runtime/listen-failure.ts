import { nodeFs, nodePath } from '../builtin/modules.ts';
import { formatAddress, type ListenAddress } from '../net/address.ts';
import { errorCode } from './connect-failure.ts';
import { ListenError } from './seam/sockets.ts';

/** The ListenError for what a runtime threw when it was asked to listen on `address`. */
export function listenFailure(address: ListenAddress, error: unknown): ListenError {
  if (error instanceof ListenError) return error;
  const code = errorCode(error, error instanceof Error ? error.name : 'unknown error');
  const what = formatAddress(address);
  // libuv says EACCES where the directory of a socket path is missing.
  switch (code === 'EACCES' && lacksDirectory(address) ? 'ENOENT' : code) {
    case 'NotCapable':
      return new ListenError('denied', `Deno withholds the right to listen on ${what}; start it as: deno run -P mod.ts …`);
    case 'EADDRINUSE':
    case 'AddrInUse':
      return new ListenError('in-use', `${what} is in use by another process`);
    case 'EACCES':
    case 'EPERM':
      return new ListenError('denied', `no permission to listen on ${what} (${code})${isLowPort(address) ? '; ports below 1024 need root' : ''}`);
    case 'EADDRNOTAVAIL':
      return new ListenError('unavailable', `${what} is no address of this machine (${code})`);
    case 'ENOENT':
      return new ListenError('unavailable', `the directory of ${what} does not exist`);
    case 'EBADF':
    case 'ENOTSOCK':
    case 'EINVAL':
      return new ListenError(
        'unavailable',
        address.kind === 'fd' ? `${what} is no listening socket (${code})` : `cannot listen on ${what} (${code})`,
      );
    default:
      return new ListenError('unavailable', `cannot listen on ${what} (${code})`);
  }
}

function lacksDirectory(address: ListenAddress): boolean {
  return address.kind === 'unix' && !address.abstract && !nodeFs().existsSync(nodePath().dirname(address.path));
}

function isLowPort(address: ListenAddress): boolean {
  return address.kind === 'tcp' && address.port > 0 && address.port < 1024;
}
