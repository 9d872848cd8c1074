/**
 * Makes the binaries: `bun compile.ts` builds dist/ugate for this machine.
 *
 *     bun compile.ts [--all] [--with=bun|deno] [--out dist] [--entry mod.ts]
 *
 * `--all` builds for every platform that Bun knows, as dist/ugate-<platform>, with dist/SHA256SUMS; a platform whose
 * runtime Bun cannot fetch from here is named and left out. `--with=deno` lets Deno make the binary instead.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

const TARGETS = [
  'bun-linux-x64',
  'bun-linux-x64-baseline',
  'bun-linux-x64-musl',
  'bun-linux-arm64',
  'bun-linux-arm64-musl',
  'bun-darwin-x64',
  'bun-darwin-arm64',
  'bun-windows-x64',
  'bun-windows-arm64',
] as const;

/**
 * Files that the code reads by `new URL('./name', import.meta.url)`. In a binary all modules are one, at the top of
 * Bun's file system, and each asset lies beside it by its base name: two of the same name would be one.
 */
function assets(): string[] {
  const found: string[] = readdirSync(join(ROOT, 'src'), { recursive: true })
    .map((path) => join(ROOT, 'src', String(path)))
    .filter((path) => !['.ts', '.md'].includes(extname(path)) && statSync(path).isFile());
  const names = found.map((path) => basename(path));
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`two assets are named ${twice}; in a binary they would be one file`);
  return found;
}

interface Built {
  readonly path: string;
  /** Null when it is there, else why not. */
  readonly problem: string | null;
}

/** @param profile says in which order a start uses functions, as `profileStart` writes it; null does not know */
function bunBuild(bun: string, entry: string, outfile: string, target: string | null, profile: string | null): Built {
  const words = [
    'build',
    '--compile',
    '--minify',
    '--bytecode',
    ...(profile === null ? [] : [`--bytecode-order=${profile}`]),
    // Until a start is over (src/runtime/bun.ts) only what is called over and over is worth a compiler: 1.1 ms of 11.
    '--compile-jit-policy=10',
    // With --bytecode alone Bun bundles to CommonJS, where a module cannot await.
    '--format=esm',
    // What is imported only when it is needed (apps, gzip, mappers, the master) costs the start nothing: 2 to 5 ms less.
    '--splitting',
    // The binary does what its options say, wherever it is started: no file of the working directory takes part.
    '--no-compile-autoload-dotenv',
    '--no-compile-autoload-bunfig',
    // An app finds its own packages.
    '--compile-autoload-package-json',
    '--define=process.isBun=true',
    ...assets().map((path) => `--asset=${path}`),
    ...(target === null ? [] : [`--target=${target}`]),
    `--outfile=${outfile}`,
    entry,
  ];
  return build(bun, words, target?.includes('windows') ? `${outfile}.exe` : outfile);
}

const PROFILE_MS = 20_000;

/**
 * Lets a router of this machine start, pass on one request and end, and leaves at `profile` which functions that took. Laid out in that
 * order, they are fewer pages to read: 1.2 of 12 ms of a start.
 */
async function profileStart(binary: string, directory: string, profile: string): Promise<void> {
  const node = join(directory, 'node.sock');
  const backend = createServer((socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))).listen(node);
  await once(backend, 'listening');
  const env = { ...process.env, BUN_BYTECODE_ORDER_OUT: profile };
  const router = spawn(binary, ['--http', '127.0.0.1:0', '--http-to', node], { stdio: ['ignore', 'ignore', 'pipe'], env, timeout: PROFILE_MS });
  // One that cannot be started (a directory that nothing may be run from) has no end, and `addressOf` says why.
  const ended = once(router, 'close').catch(() => {});
  try {
    await fetch(await addressOf(router));
  } finally {
    router.kill('SIGTERM');
    await ended;
    backend.close();
  }
  if (!existsSync(profile)) throw new Error('it wrote no profile');
}

/** Where the router serves, as its log says. */
function addressOf(router: ChildProcess): Promise<string> {
  const { stderr } = router;
  return new Promise((resolve, reject) => {
    let log = '';
    router.once('error', reject);
    stderr?.setEncoding('utf8').on('data', (text) => {
      log += text;
      const address = /listening on (\S+:\d+)/.exec(log)?.[1];
      if (address !== undefined) resolve(`http://${address}/`);
    });
    stderr?.once('close', () => reject(new Error(`it does not serve: ${log.trim()}`)));
  });
}

/** The profile of a start, at a path in `directory`. Null where none can be made: the binary is as good without it, if slower to start. */
async function makeProfile(bun: string, entry: string, directory: string): Promise<string | null> {
  const profile = join(directory, 'start.order');
  const built = bunBuild(bun, entry, join(directory, 'ugate'), null, null);
  try {
    if (built.problem !== null) throw new Error(built.problem);
    await profileStart(built.path, directory, profile);
    return profile;
  } catch (error) {
    console.error(`no profile of a start, so that the binary takes a ms longer to start: ${(error as Error).message}`);
    return null;
  }
}

function denoBuild(deno: string, entry: string, outfile: string): Built {
  const words = [
    'compile',
    // The user's app runs in it, and so do the processes that it starts.
    '--allow-all',
    '--no-check',
    ...assets().map((path) => `--include=${path}`),
    `--output=${outfile}`,
    entry,
  ];
  return build(deno, words, outfile);
}

function build(tool: string, words: string[], path: string): Built {
  rmSync(path, { force: true });
  const { status, signal, stdout, stderr } = spawnSync(tool, words, {
    cwd: ROOT,
    encoding: 'utf8',
    timeout: 180_000,
    env: { ...process.env, NO_COLOR: '1' },
  });
  if (status === 0 && existsSync(path)) {
    writeAtOnce(path);
    return { path, problem: null };
  }
  return { path, problem: `ended with ${signal ?? status}: ${`${stdout ?? ''}${stderr ?? ''}`.trim()}` };
}

/**
 * A file written in pieces of 4 KiB, as Bun does it, lies in small pieces in the system's cache too, and each page of it that a start touches
 * costs more: 2 ms of about 15 in all. What was downloaded has come in larger ones anyway.
 */
function writeAtOnce(path: string): void {
  const { mode } = statSync(path);
  const bytes = readFileSync(path);
  const whole = `${path}.new`;
  try {
    writeFileSync(whole, bytes, { mode });
    renameSync(whole, path);
  } catch {
    // No room for two of them: the one that is there is as good, if slower.
  } finally {
    rmSync(whole, { force: true });
  }
}

/** The tool this runs under, else the one of node_modules, else the one on the PATH. */
function tool(name: 'bun' | 'deno'): string {
  if (process.versions[name] !== undefined) return process.execPath;
  const own = join(ROOT, 'node_modules/.bin', name);
  return existsSync(own) ? own : name;
}

function megabytes(path: string): string {
  return `${(statSync(path).size / 1e6).toFixed(0)} MB`;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean' },
      with: { type: 'string', default: 'bun' },
      out: { type: 'string', default: join(ROOT, 'dist') },
      entry: { type: 'string', default: join(ROOT, 'mod.ts') },
    },
  });
  if (!['bun', 'deno'].includes(values.with)) throw new Error(`--with=${values.with}: bun or deno`);
  if (values.all && values.with === 'deno') throw new Error('--all is for Bun; Deno compiles for this machine only here');
  mkdirSync(values.out, { recursive: true });

  if (values.with === 'deno') {
    const built = denoBuild(tool('deno'), values.entry, join(values.out, 'ugate-deno'));
    if (built.problem === null) console.log(`${built.path} (${megabytes(built.path)})`);
    else
      console.error(
        `no binary: deno compile ${built.problem}\nDeno fetches its runtime (denort) from the network for this; \`bun compile.ts\` needs nothing.`,
      );
    return built.problem === null ? 0 : 1;
  }
  const directory = mkdtempSync(join(tmpdir(), 'ugate-compile-'));
  try {
    return await bunBuilds(values.entry, values.out, values.all === true, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function bunBuilds(entry: string, out: string, isForAll: boolean, directory: string): Promise<number> {
  const bun = tool('bun');
  const profile = await makeProfile(bun, entry, directory);
  if (!isForAll) {
    const built = bunBuild(bun, entry, join(out, 'ugate'), null, profile);
    if (built.problem === null) console.log(`${built.path} (${megabytes(built.path)})`);
    else console.error(`no binary: bun build ${built.problem}`);
    return built.problem === null ? 0 : 1;
  }

  const sums: string[] = [];
  for (const target of TARGETS) {
    const outfile = join(out, `ugate-${target.slice('bun-'.length)}`);
    const built = bunBuild(bun, entry, outfile, target, profile);
    if (built.problem === null) {
      sums.push(`${createHash('sha256').update(readFileSync(built.path)).digest('hex')}  ${basename(built.path)}\n`);
      console.log(`${built.path} (${megabytes(built.path)})`);
    } else {
      console.log(`${target}: left out, ${built.problem}`);
    }
  }
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));
  console.log(`${sums.length} of ${TARGETS.length} platforms; sums in ${join(out, 'SHA256SUMS')}`);
  return sums.length > 0 ? 0 : 1;
}

process.exit(await main());
