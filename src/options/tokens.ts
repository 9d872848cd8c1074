/** The command line cut into its parts, as getopt_long(3) cuts it for uWSGI. Not by `node:util`: to load that is a tenth of a start. */

import { standsAlone } from './option.ts';
import { findOption, findShort } from './table.ts';

/** An option as it stands there, known or not. */
export interface OptionToken {
  readonly kind: 'option';
  /** Which argument it stands in. */
  readonly index: number;
  /** Without dashes; one letter where `isShort`. */
  readonly name: string;
  readonly isShort: boolean;
  /** Null where it has none. */
  readonly value: string | null;
  /** The value stands in the same argument, and not in the next one. */
  readonly isInline: boolean;
}

/** `end` is `--`, behind which nothing is an option. */
export type Token =
  | OptionToken
  | { readonly kind: 'end'; readonly index: number }
  | { readonly kind: 'positional'; readonly index: number; readonly value: string };

/** Options of which the table says that they may stand alone take a value only behind `=`; unknown ones likewise. Nothing is refused here. */
export function tokenize(argv: readonly string[]): Token[] {
  const tokens: Token[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index];
    if (argument === '--') {
      tokens.push({ kind: 'end', index });
      for (index++; index < argv.length; index++) tokens.push({ kind: 'positional', index, value: argv[index] });
    } else if (argument.startsWith('--')) index = takeLong(tokens, argv, index);
    else if (argument.startsWith('-') && argument !== '-') index = takeLetters(tokens, argv, index);
    else tokens.push({ kind: 'positional', index, value: argument });
  }
  return tokens;
}

/** Both return the index of the last argument that they took. */
function takeLong(tokens: Token[], argv: readonly string[], index: number): number {
  const argument = argv[index];
  // The first character is never the border: `--=x` is an option named "=x".
  const border = argument.indexOf('=', 3);
  const name = border === -1 ? argument.slice(2) : argument.slice(2, border);
  if (border !== -1) {
    tokens.push({ kind: 'option', index, name, isShort: false, value: argument.slice(border + 1), isInline: true });
    return index;
  }
  const option = findOption(name);
  const takesNext = option !== undefined && !standsAlone(option) && index + 1 < argv.length;
  tokens.push({ kind: 'option', index, name, isShort: false, value: takesNext ? argv[index + 1] : null, isInline: false });
  return takesNext ? index + 1 : index;
}

function takeLetters(tokens: Token[], argv: readonly string[], index: number): number {
  const letters = argv[index].slice(1);
  for (let at = 0; at < letters.length; at++) {
    const name = letters[at];
    const option = findShort(name);
    if (option === undefined || standsAlone(option)) {
      tokens.push({ kind: 'option', index, name, isShort: true, value: null, isInline: false });
      continue;
    }
    if (at + 1 < letters.length) {
      tokens.push({ kind: 'option', index, name, isShort: true, value: letters.slice(at + 1), isInline: true });
      return index;
    }
    const takesNext = index + 1 < argv.length;
    tokens.push({ kind: 'option', index, name, isShort: true, value: takesNext ? argv[index + 1] : null, isInline: false });
    return takesNext ? index + 1 : index;
  }
  return index;
}
