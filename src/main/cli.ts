import { readFileSync, writeSync } from 'node:fs';
import { formatAddress } from '../net/address.ts';
import { readConfig } from '../options/config.ts';
import { ConfigError, formatErrors } from '../options/errors.ts';
import { MapperError, type MapperFault } from '../pool/mappers/mapper-error.ts';
import { checkSpoolDirectory, SpoolError } from '../router/body-spool.ts';
import { ListenError, PermissionError, type Runtime } from '../runtime/seam.ts';
import { type Server, serve } from './serve.ts';
import { VERSION } from './version.ts';

const STDOUT = 1;
const STDERR = 2;

/**
 * The command line, from arguments to exit. Exit codes: 0 for an orderly end, 1 for a config or listener that does not work,
 * 130 or 143 when a second signal cuts the drain short.
 */
export async function main(runtime: Runtime, argv: readonly string[]): Promise<void> {
  try {
    await start(runtime, argv);
  } catch (thrown) {
    const error = runtime.explain(thrown);
    if (error instanceof ListenError || error instanceof PermissionError || error instanceof SpoolError)
      return fail(runtime, `ugate: ${error.message}`);
    if (error instanceof MapperError) return fail(runtime, formatErrors(error.faults.map(mapperError)));
    throw error;
  }
}

async function start(runtime: Runtime, argv: readonly string[]): Promise<void> {
  const result = readConfig(argv, {
    env: (name) => process.env[name],
    readFile: (path) => readText(runtime, path),
    columns: () => process.stdout.columns,
  });
  switch (result.kind) {
    case 'help':
      return say(STDOUT, result.text);
    case 'version':
      return say(STDOUT, `ugate ${VERSION} (${runtime.name} ${runtime.version})`);
    case 'errors':
      return fail(runtime, formatErrors(result.errors));
    case 'check':
      await (await import('./mapper.ts')).checkMapper(runtime, result.config);
      if (result.config.postBufferingDir !== null) checkSpoolDirectory(result.config.postBufferingDir);
      for (const notice of result.config.notices) say(STDERR, `ugate: ${notice}`);
      return say(STDOUT, 'ugate: the configuration is good');
  }
  const server = await serve(runtime, result.config, (text) => say(STDERR, text.trimEnd()));
  for (const notice of result.config.notices) server.log.info(notice);
  for (const address of server.addresses) server.log.info(`listening on ${formatAddress(address)}`);
  server.log.flush();
  stopOnSignals(runtime, server);
}

function mapperError({ file, line, message, hint }: MapperFault): ConfigError {
  return new ConfigError(file === null ? { kind: 'whole' } : { kind: 'file', file, line }, message, hint);
}

/** The first SIGTERM or SIGINT drains, the second ends at once. */
function stopOnSignals(runtime: Runtime, server: Server): void {
  let isStopping = false;
  const stop = (name: string, code: number): void => {
    if (isStopping) {
      server.log.warn(`${name} again: ending at once`);
      server.destroy();
      server.log.flush();
      runtime.exit(code);
    }
    isStopping = true;
    server.log.info(`${name}: finishing what is in flight`);
    void server.stop().then(() => {
      server.log.info('goodbye');
      server.log.flush();
      runtime.exit(0);
    });
  };
  runtime.onSignal('SIGTERM', () => stop('SIGTERM', 143));
  runtime.onSignal('SIGINT', () => stop('SIGINT', 130));
}

function readText(runtime: Runtime, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw runtime.explain(error);
  }
}

function fail(runtime: Runtime, text: string): never {
  say(STDERR, text);
  runtime.exit(1);
}

/** Written at once and whole, so that it is there before the process ends. A reader that went away is no reason to die. */
function say(fd: number, text: string): void {
  const bytes = new TextEncoder().encode(`${text}\n`);
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
  } catch {
    // EPIPE, or EAGAIN on a full non-blocking pipe: a log that nobody reads must not stop the server.
  }
}
