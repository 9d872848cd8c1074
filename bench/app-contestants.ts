/** Who runs an app: ugate, each runtime's own server, uWSGI, gunicorn. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isInstalled } from './server.ts';

export type AppKind = 'fetch' | 'wsgi';

/** The apps of bench/apps: their kind, and what `--module` is given. */
export const APPS = {
  hono: { kind: 'fetch', module: 'hono_app.ts' },
  hello: { kind: 'wsgi', module: 'hello:application' },
  flask: { kind: 'wsgi', module: 'flask_app:app' },
  django: { kind: 'wsgi', module: 'djangosite.wsgi:application' },
} as const satisfies Record<string, { readonly kind: AppKind; readonly module: string }>;

export type AppName = keyof typeof APPS;

export const APPS_DIRECTORY = new URL('./apps', import.meta.url).pathname;

export interface AppContestant {
  readonly name: string;
  readonly kind: AppKind;
  /** Whom its numbers are compared with; its own name when others are compared with it. */
  readonly reference: string;
  /** It answers and closes, whatever the client wants. */
  readonly isClosing: boolean;
  /** Started in APPS_DIRECTORY: listens on `port` of 127.0.0.1. */
  command(module: string, port: number): readonly string[];
}

export interface AppContestantOptions {
  /** Of each WSGI server. */
  readonly processes: number;
  /** ugate's. */
  readonly binary: string;
  /** With `http-socket-engine=native` besides. */
  readonly hasNative: boolean;
  /** For what is installed on the way. */
  readonly directory: string;
}

const tool = (name: string): string => new URL(`../node_modules/.bin/${name}`, import.meta.url).pathname;
const MOD = new URL('../mod.ts', import.meta.url).pathname;

/** Those that are installed; what is not is named on stderr. */
export function appContestants({ processes, binary, hasNative, directory }: AppContestantOptions): readonly AppContestant[] {
  const ugates: readonly (readonly [name: string, start: readonly string[], plain: string])[] = [
    ['Bun', [tool('bun'), MOD], 'Bun.serve'],
    ['binary', [binary], 'Bun.serve'],
    ['Deno', [tool('deno'), 'run', '-A', MOD], 'Deno.serve'],
    ['Node', [tool('node'), MOD], 'node:http'],
  ];
  const all: AppContestant[] = [
    plain('Bun.serve', (port) => [tool('bun'), 'bun_serve.ts', port]),
    plain('Deno.serve', (port) => [tool('deno'), 'run', '-A', 'deno_serve.ts', port]),
    ...nodeServer(directory),
    ...ugates.map(([name, start, reference]) =>
      fetchContestant(`ugate, ${name}`, reference, (module, address) => [...start, '--http', address, '--module', module]),
    ),
    ...(hasNative ? ugates : []).map(([name, start, reference]) =>
      fetchContestant(`ugate native, ${name}`, reference, (module, address) => {
        const options = ['--http-socket', address, '--http-socket-engine=native', '--http-keepalive=60'];
        return [...start, ...options, '--module', module];
      }),
    ),
    // It closes after each answer unless told otherwise, and logs each request.
    wsgi('uWSGI', (module, port) => {
      const front = ['--http', `127.0.0.1:${port}`, '--http-keepalive=60', '--disable-logging'];
      return ['uwsgi', '--plugins', 'python3,http', ...front, '--master', '--need-app', '--module', module, `--processes=${processes}`];
    }),
    { ...wsgi('gunicorn', (module, port) => ['gunicorn', '-w', `${processes}`, '-b', `127.0.0.1:${port}`, module]), isClosing: true },
    ...ugates.map(([name, start]) =>
      wsgi(`ugate, ${name}`, (module, port) => {
        const options = ['--http', `127.0.0.1:${port}`, '--master', '--need-app', '--module', module];
        return [...start, ...options, `--processes=${processes}`];
      }),
    ),
  ];
  return all.filter((contestant) => {
    const [program] = contestant.command('', 0);
    const isHere = isInstalled(program);
    if (!isHere) console.error(`${contestant.name} is left out: there is no ${program}`);
    return isHere;
  });
}

/** Python's apps need their framework in the Python of the machine, which uWSGI and gunicorn of Debian use. */
export function isAppInstalled(app: AppName, env: Readonly<Record<string, string>>): boolean {
  if (app !== 'flask' && app !== 'django') return true;
  const isHere = spawnSync('python3', ['-c', `import ${app}`], { env: { ...process.env, ...env }, timeout: 30_000 }).status === 0;
  if (!isHere) console.error(`the rows of ${app} are left out: python3 cannot import it`);
  return isHere;
}

function fetchContestant(name: string, reference: string, command: (module: string, address: string) => readonly string[]): AppContestant {
  return { name, kind: 'fetch', reference, isClosing: false, command: (module, port) => command(module, `127.0.0.1:${port}`) };
}

function plain(name: string, command: (port: string) => readonly string[]): AppContestant {
  return { name, kind: 'fetch', reference: name, isClosing: false, command: (_module, port) => command(`${port}`) };
}

function wsgi(name: string, command: AppContestant['command']): AppContestant {
  return { name, kind: 'wsgi', reference: 'uWSGI', isClosing: false, command };
}

/** node:http by Hono's own server, which is no dependency of ours: npm installs it for this run. */
function nodeServer(directory: string): readonly AppContestant[] {
  const words = ['install', '--no-audit', '--no-fund', '--prefix', directory, '@hono/node-server@2'];
  const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8', timeout: 60_000 });
  const module = `${directory}/node_modules/@hono/node-server/dist/index.mjs`;
  if (status === 0 && existsSync(module)) return [plain('node:http', (port) => [tool('node'), 'node_serve.ts', port, module])];
  console.error(`node:http is left out: npm cannot install @hono/node-server ${stderr}`);
  return [];
}
