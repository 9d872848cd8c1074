/** The command line as settings. */

import { ConfigError, type Origin } from './errors.ts';
import { readSwitchWord } from './forms.ts';
import { type Option, standsAlone } from './option.ts';
import { type Entry, label, lookUp } from './settings.ts';
import { findOption, findShort } from './table.ts';
import { type OptionToken, type Token, tokenize } from './tokens.ts';

const ARGV: Origin = { kind: 'argv' };

/**
 * Reads the arguments behind the name of the program: `--a b`, `--a=b`, `-a b`, `-ab`, joined short flags, and files ending in `.ini`.
 * Options whose value is optional take it only behind `=`, as in uWSGI. A positional `x.ini` becomes a setting of `ini`. Nothing is
 * expanded and nothing is opened here.
 */
export function readArgv(argv: readonly string[]): Entry[] {
  const entries: Entry[] = [];
  const tokens = tokenize(argv);
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at];
    if (token.kind === 'end') continue;
    if (token.kind === 'positional') {
      if (token.value.endsWith('.ini')) entries.push({ option: findOption('ini')!, name: 'ini', text: token.value, origin: ARGV });
      else entries.push(strayArgument(token.value));
      continue;
    }
    const single = singleDashed(argv[token.index]);
    // It was taken for a row of letters.
    if (single !== null) while (tokens[at + 1]?.index === token.index) at += 1;
    const spaced = spacedValue(tokens, at, single !== null);
    const entry = single === null ? readOption(token, spaced) : singleDashError(single);
    entries.push(entry);
    // What stands behind a wrong option was meant for it: a second error would only confuse.
    const taken = entry instanceof ConfigError ? spaced !== undefined && !spaced.endsWith('.ini') : token.value === null && entry.text !== null;
    if (taken) at += 1;
  }
  return entries;
}

/** The argument right behind an option, unless the option has a value of its own; `-http` has none, whatever its letters took. */
function spacedValue(tokens: readonly Token[], at: number, isSingleDashed: boolean): string | undefined {
  const next = tokens[at + 1];
  const token = tokens[at];
  const isFree = token.kind === 'option' && (isSingleDashed || token.value === null);
  return isFree && next?.kind === 'positional' ? next.value : undefined;
}

function readOption(token: OptionToken, spaced: string | undefined): Entry {
  const { name, isShort, value: text } = token;
  const option = isShort ? (findShort(name) ?? unknownShort(name)) : lookUp(name, ARGV);
  if (option instanceof ConfigError) return option;
  const called = label(name, ARGV);
  if (text === null) {
    if (!standsAlone(option)) return new ConfigError(ARGV, `${called} wants a value`, `write it like ${exampleOf(option)}`);
    if (spaced === undefined || spaced.endsWith('.ini')) return { option, name, text: null, origin: ARGV };
    if (maySpace(option, spaced)) return { option, name, text: spaced, origin: ARGV };
    return new ConfigError(ARGV, `${called} takes a value only behind "="`, `write ${label(option.name, ARGV)}=${spaced}, or leave out "${spaced}"`);
  }
  if (!token.isInline && text.startsWith('--'))
    return new ConfigError(ARGV, `${called} wants a value, but "${text}" follows`, `write it like ${exampleOf(option)}`);
  return { option, name, text, origin: ARGV };
}

/** Whether the argument behind an option that may stand alone can only be meant as its value. */
function maySpace(option: Option, spaced: string): boolean {
  if (option.spacedFlag) return readSwitchWord(spaced) !== null;
  return option.spacedPairs === true && /^[a-z0-9]+=/.test(spaced);
}

function unknownShort(letter: string): ConfigError {
  return new ConfigError(ARGV, `unknown option -${letter}`, 'see ugate --help');
}

/** `--http-to /tmp/uwsgi.sock`, from the option's example. */
function exampleOf(option: Option): string {
  const [first] = option.example.split('\n');
  if (option.commandLineOnly) return `"${first.replace(/^ugate /, '')}"`;
  const [name, ...value] = first.split(' = ');
  return `"--${name} ${value.join(' = ')}"`;
}

/** The option's name when `-http` was written for `--http`; letter by letter it would begin with `-h` and show the help. */
function singleDashed(argument: string): string | null {
  const name = /^-([a-z][a-z0-9-]+)/.exec(argument)?.[1];
  return name !== undefined && findOption(name) !== undefined ? argument.slice(1) : null;
}

function singleDashError(written: string): ConfigError {
  return new ConfigError(ARGV, `unknown option -${written}`, `did you mean "--${written}"?`);
}

function strayArgument(text: string): ConfigError {
  const message = `cannot make sense of "${text}"`;
  if (findOption(text.split('=')[0]) !== undefined) return new ConfigError(ARGV, message, `did you mean "--${text}"?`);
  if (/\.ini:[^/]*$/.test(text)) return new ConfigError(ARGV, message, `for a section of a file write --ini ${text}`);
  if (/\.(ya?ml|json|toml|xml)$/.test(text)) return new ConfigError(ARGV, message, 'only .ini files can be read yet');
  if (/^:?\d+$/.test(text)) return new ConfigError(ARGV, message, `to listen on that port write --http :${text.replace(':', '')}`);
  if (/^\S*:\d+$/.test(text)) return new ConfigError(ARGV, message, `to listen there write --http ${text}, to send requests there --http-to ${text}`);
  return new ConfigError(ARGV, message, 'arguments are options (--name value) and files ending in .ini');
}
