import { basename } from 'node:path';
import type { AppHost } from '../runtime/seam/apps.ts';
import { AppError } from './app-error.ts';
import { installGlobals } from './app-globals.ts';
import { BUNDLED } from './bundled.ts';
import type { FetchHandler } from './fetch-handler.ts';

// Not imported: a bundle would load it at the start of every binary.
const { fileURLToPath, pathToFileURL } = process.getBuiltinModule('node:url');

/**
 * Loads a module and takes its fetch handler: a function, or the `fetch` of an object, such as a Hono app.
 * `hono` comes from the app's own packages, else from ugate.
 * @param path absolute
 * @param name of the export; null for the default one
 * @throws {AppError} naming the file, and the line where that is known
 */
export async function loadFetchApp(host: AppHost, path: string, name: string | null): Promise<FetchHandler> {
  installGlobals(host);
  host.offerModules(path, BUNDLED);
  const module = await importModule(host, path);
  const found = pick(module, name);
  const handler = handlerOf(found);
  if (handler === null) throw notAnApp(path, name, module, found);
  return handler;
}

async function importModule(host: AppHost, path: string): Promise<Record<string, unknown>> {
  const url = pathToFileURL(path).href;
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw loadError(host, path, error);
  }
}

/** CommonJS compiled from a module has its default export one level deeper. */
function pick(module: Record<string, unknown>, name: string | null): unknown {
  const { default: main } = module;
  if (name !== null) return module[name] ?? (isObject(main) ? main[name] : undefined);
  return isObject(main) && handlerOf(main) === null && 'default' in main ? main.default : main;
}

function handlerOf(found: unknown): FetchHandler | null {
  if (isObject(found) && typeof found.fetch === 'function') {
    const app = found as { fetch: FetchHandler };
    // Looked up at each request: an object may change its mind, and `this` is the app's.
    return (request, context, execution) => app.fetch(request, context, execution);
  }
  return typeof found === 'function' && !isClass(found) ? (found as FetchHandler) : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' || typeof value === 'function') && value !== null;
}

function isClass(value: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(value));
}

function notAnApp(path: string, name: string | null, module: Record<string, unknown>, found: unknown): AppError {
  const file = basename(path);
  const usable = Object.keys(module).filter((key) => key !== 'default' && handlerOf(module[key]) !== null);
  const hint =
    usable.length > 0
      ? `it exports ${usable.join(', ')}; write ${usable.map((key) => `${file}:${key}`).join(' or ')}`
      : 'export a Hono app, an object with a fetch method, or a function from Request to Response: export default app';
  const what = name ?? 'default';
  if (found === undefined) {
    const names = Object.keys(module);
    const exported = names.length === 0 ? 'it exports nothing' : `its exports: ${names.join(', ')}`;
    return new AppError(`${path} has no export "${what}" (${exported})`, hint);
  }
  return new AppError(`${path}: its export "${what}" is ${describe(found)}, which cannot answer requests`, hint);
}

function describe(found: unknown): string {
  if (found === null) return 'null';
  if (typeof found === 'function') return 'a class';
  return typeof found === 'object' ? 'an object without a fetch method' : `of type ${typeof found}`;
}

/** Where our own modules are. In a binary it is a file system of Bun's. */
const OURS = fileURLToPath(new URL('..', import.meta.url));
/** Where something went wrong, as runtimes write it into messages and stacks. */
const PLACE = /(?:file:\/\/)?(\/[^\s():'"]+\.[cm]?[jt]sx?):(\d+)(?::\d+)?/g;
/** What a terminal takes for colours. */
const COLOURS = /\x1b\[[0-9;]*m/g;

function loadError(host: AppHost, path: string, error: unknown): AppError {
  const cause = firstError(error);
  const thrown = isObject(cause) && typeof cause.message === 'string' ? (cause as unknown as Error) : null;
  const text = thrown === null ? String(cause) : saysItsName(thrown) ? thrown.message : `${thrown.name}: ${thrown.message}`;
  const lines = text.replace(COLOURS, '').replaceAll('file://', '').split('\n');
  const message = lines.find((line) => line.trim() !== '')?.trim() ?? 'it threw an error without a message';
  const where = placeOf(path, thrown);
  return new AppError(message.includes(where) ? message : `${where}: ${message}`, hintFor(host, thrown));
}

function hintFor(host: AppHost, error: Error | null): string | null {
  if (/(?:cannot find|not found|resolve).*['"]hono(?:\/[^'"]*)?['"]/i.test(error?.message ?? ''))
    return 'ugate carries hono and some of its parts, not all: install hono where the app is (npm install hono)';
  if (host.isSyntaxUnknown(error))
    return 'Node runs TypeScript by taking the types out: enums, namespaces and parameter properties are more than that';
  if (/^Import ".*" not a dependency/.test(error?.message ?? ''))
    return 'Deno wants to be told where packages come from: write npm:NAME or jsr:NAME in the import';
  return null;
}

/** Bun gathers what its parser says. */
function firstError(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

/** The name would add nothing to the message. */
function saysItsName({ name, message }: Error): boolean {
  return name === 'Error' || name === 'BuildMessage' || name === 'ResolveMessage' || /^(?:\w*Error:|Import "|Module not found)/.test(message);
}

/** `file:line` of the app's own, else the file that was loaded. */
function placeOf(path: string, error: Error | null): string {
  const position = (error as { position?: { file?: string; line?: number } } | null)?.position;
  if (position?.file && position.line) return `${position.file}:${position.line}`;
  const stack = `${error?.stack ?? ''}\n${error?.message ?? ''}`.replace(COLOURS, '');
  // Frames of ours tell the user nothing.
  for (const [, file, line] of stack.matchAll(PLACE)) if (!file.startsWith(OURS)) return `${file}:${line}`;
  return path;
}
