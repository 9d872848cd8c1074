import { statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { AppError } from './app-error.ts';
import type { WsgiApp } from './wsgi/wsgi-messages.ts';

/** The app as the config names it: `module` (any), `wsgi`, or `wsgi-file`. */
export type AppName = { readonly kind: 'any' | 'wsgi'; readonly module: string } | { readonly kind: 'wsgi-file'; readonly file: string };

/** Where an app is looked for. */
export interface AppTarget {
  /** Absolute: the working directory, behind `chdir`. */
  readonly cwd: string;
  /** Directories that Python looks into too; relative ones are taken from `cwd`. */
  readonly pythonPath: readonly string[];
}

/** A fetch handler: a file and the name it is exported by, null for the default export. */
export interface FoundFetchApp {
  readonly kind: 'fetch';
  readonly path: string;
  readonly name: string | null;
}

export interface FoundWsgiApp {
  readonly kind: 'wsgi';
  readonly spec: WsgiApp;
  /** What was looked for in vain before it was taken for a package that Python has installed; null when it was found. */
  readonly guess: string | null;
}

export type FoundApp = FoundFetchApp | FoundWsgiApp;

/** In the order they are tried; the source comes before what it was compiled to. */
const SCRIPTS = ['.ts', '.tsx', '.mts', '.js', '.mjs', '.jsx'] as const;
const IS_SCRIPT = /\.[cm]?[jt]sx?$/i;
const IS_PYTHON = /\.(?:py|wsgi)$/i;
/** Dotted names of a Python module. */
const MODULE_NAME = /^[\p{L}_][\p{L}\p{N}_]*(?:\.[\p{L}_][\p{L}\p{N}_]*)*$/u;
const EXPORT_NAME = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/**
 * Tells JavaScript from Python by what is there.
 * @param callable the option of that name, which wins over a name in `module`; null when it was not given
 * @throws {AppError}
 */
export function findApp(app: AppName, callable: string | null, place: AppTarget): FoundApp {
  if (app.kind === 'wsgi-file') {
    refuseScript(app.file, 'wsgi-file');
    return fileOf(resolve(place.cwd, app.file), callable);
  }
  const { name, part } = splitName(app.module);
  const wanted = callable ?? part;
  if (app.kind === 'wsgi') {
    refuseScript(name, 'wsgi');
    return IS_PYTHON.test(name) && looksLikeFile(name, place) ? fileOf(resolve(place.cwd, name), wanted) : moduleOf(name, wanted, null);
  }
  if (IS_SCRIPT.test(name)) return scriptOf(resolve(place.cwd, name), wanted);
  if (IS_PYTHON.test(name) && looksLikeFile(name, place)) return fileOf(resolve(place.cwd, name), wanted);
  return search(name, wanted, place);
}

function search(name: string, wanted: string | null, place: AppTarget): FoundApp {
  const directories = [place.cwd, ...place.pythonPath.map((path) => resolve(place.cwd, path))];
  const isModule = MODULE_NAME.test(name);
  // A dotted name is a path to Python only; one with slashes is none to Python.
  const scripts = isModule && name.includes('.') ? [] : scriptsOf(name);
  const modules = isModule ? modulesOf(name) : [];
  const script = firstFile(directories, scripts);
  const python = firstFile(directories, modules);
  if (script !== null && python !== null) {
    throw new AppError(
      `"${name}" may be ${script} or ${python}`,
      `write --module ${relative(place.cwd, script)} for the first, or --wsgi ${name} for the second`,
    );
  }
  if (script !== null) return scriptOf(script, wanted);
  if (python !== null) return moduleOf(name, wanted, null);
  const looked = `no ${[...scripts, ...modules].join(', ')} in ${directories.join(', ')}`;
  if (isModule) return moduleOf(name, wanted, looked);
  throw new AppError(
    `no app "${name}": there is ${scripts.length + modules.length === 0 ? 'no such file' : looked}`,
    'write the file of the app, such as --module app.ts or --module app.py, or a Python module, such as --wsgi mysite.wsgi',
  );
}

/** `name:part`; a Windows drive is no part of this. */
function splitName(text: string): { name: string; part: string | null } {
  const colon = text.lastIndexOf(':');
  if (colon <= 0) return { name: text, part: null };
  return { name: text.slice(0, colon), part: text.slice(colon + 1) || null };
}

function refuseScript(name: string, option: string): void {
  if (IS_SCRIPT.test(name)) throw new AppError(`${option} is for Python, and "${name}" is none`, `write --module ${name}`);
}

/** `pkg.py` could be the module `py` of `pkg`; nobody means that where there is such a file, or a path. */
function looksLikeFile(name: string, { cwd }: AppTarget): boolean {
  return name.toLowerCase().endsWith('.py') || name.includes('/') || isFile(resolve(cwd, name));
}

function scriptsOf(name: string): string[] {
  return [...SCRIPTS.map((ending) => `${name}${ending}`), ...SCRIPTS.map((ending) => `${name}/index${ending}`)];
}

function modulesOf(name: string): string[] {
  const path = name.replaceAll('.', '/');
  return [`${path}.py`, `${path}/__init__.py`];
}

function scriptOf(path: string, name: string | null): FoundFetchApp {
  if (!isFile(path)) throw new AppError(`there is no file ${path}`);
  if (name !== null && !EXPORT_NAME.test(name))
    throw new AppError(`"${name}" is no name of an export`, 'write FILE or FILE:EXPORT, such as app.ts:admin');
  return { kind: 'fetch', path, name: name === 'default' ? null : name };
}

function fileOf(path: string, callable: string | null): FoundWsgiApp {
  if (!isFile(path)) throw new AppError(`there is no file ${path}`);
  return { kind: 'wsgi', spec: { kind: 'file', path, callable }, guess: null };
}

function moduleOf(name: string, callable: string | null, guess: string | null): FoundWsgiApp {
  return { kind: 'wsgi', spec: { kind: 'module', name, callable }, guess };
}

function firstFile(directories: readonly string[], names: readonly string[]): string | null {
  for (const directory of directories) for (const name of names) if (isFile(join(directory, name))) return join(directory, name);
  return null;
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
