import { statSync } from 'node:fs';
import { FAILURES } from '../../failure/failures.ts';
import { isFileName } from '../../http1/routing-key.ts';
import type { Found, Mapper } from '../mapper.ts';
import type { Pool } from '../pool.ts';
import type { MappedPools } from './mapped-pools.ts';
import { MapperError } from './mapper-error.ts';

/** sun_path holds no more (unix(7)). */
const MAX_PATH_CHARS = 107;
const EXAMPLE = '/run/apps/%s.sock';

/**
 * The key as a part of a unix socket's path (`http-use-pattern`, `http-use-base`). A socket that is not there is not known.
 * The file is looked for when a key is new and while its node is dead, not while connections succeed.
 */
export class PathMapper implements Mapper {
  /** The key stands between each two. */
  readonly #pieces: readonly string[];
  readonly #pools: MappedPools;

  private constructor(pieces: readonly string[], pools: MappedPools) {
    this.#pieces = pieces;
    this.#pools = pools;
  }

  /** `http-use-pattern`: `%s` is the key, `%%` a percent sign. @throws {MapperError} for anything that gives no path */
  static pattern(text: string, pools: MappedPools): PathMapper {
    const pieces = [''];
    for (let i = 0; i < text.length; i++) {
      if (text[i] !== '%') pieces[pieces.length - 1] += text[i];
      else if (text[++i] === 's') pieces.push('');
      else if (text[i] === '%') pieces[pieces.length - 1] += '%';
      else throw fault(`"%${text[i] ?? ''}" means nothing in "${text}"`, 'write %s for the host and %% for a percent sign');
    }
    checkStart(text, pieces[0]);
    return new PathMapper(pieces, pools);
  }

  /** `http-use-base`: the key is put right behind it, as uWSGI does. @throws {MapperError} */
  static base(text: string, pools: MappedPools): PathMapper {
    checkStart(text, text);
    return new PathMapper([text, ''], pools);
  }

  find(key: string): Found {
    if (!isFileName(key)) return FAILURES.badRoutingKey;
    const path = this.#pieces.join(key);
    const known = this.#pools.knownAtPath(path);
    if (known !== undefined && hasLiveNode(known)) return known;
    if (isSocket(path)) return known ?? this.#pools.atPath(path);
    if (known !== undefined) this.#pools.forgetPath(path);
    return null;
  }
}

/** What begins like this is no path to uWSGI: the client would choose the server that is connected to, or its port. */
function checkStart(text: string, start: string): void {
  if (text === '') throw fault('the path is empty', `write the path of unix sockets, such as ${EXAMPLE}`);
  if (start.startsWith('@')) throw fault(`"${text}": an abstract socket has no file to look for`, `write a path, such as ${EXAMPLE}`);
  if (!/^\.{0,2}\//.test(start) && text.includes(':'))
    throw fault(`"${text}" is no path: with a colon it would be an address and port`, `write the path of unix sockets, such as ${EXAMPLE}`);
  if (text.includes('\0')) throw fault('a path holds no NUL', null);
}

function fault(message: string, hint: string | null): MapperError {
  return new MapperError([{ file: null, line: 0, message, hint }]);
}

function hasLiveNode({ nodes }: Pool): boolean {
  for (let i = 0; i < nodes.length; i++) if (!nodes[i].backend.isDead) return true;
  return false;
}

function isSocket(path: string): boolean {
  if (path.length > MAX_PATH_CHARS) return false;
  try {
    return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
  } catch {
    // A folder on the way is missing or closed to us: the same as no file.
    return false;
  }
}
