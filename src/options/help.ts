/** The text of `--help`: short enough to read, made from the table. */

import { argumentName, GROUPS, type Option } from './option.ts';
import { table } from './table.ts';

const MIN_COLUMNS = 60;
const MAX_COLUMNS = 100;
/** Where the help texts begin; the longest option still fits before it. */
const TEXT_COLUMN = 34;

/** The help for a terminal of so many columns (60 to 100 are used; 80 when it is not known). Ends with a newline. */
export function formatHelp(columns = 80): string {
  const width = Math.min(MAX_COLUMNS, Math.max(MIN_COLUMNS, columns));
  const parts = [
    'ugate - an HTTP edge server that speaks uWSGI',
    'usage: ugate [options] [FILE.ini ...]\n  ugate --http :8080 --http-to 127.0.0.1:3031\n  ugate --http :8080 --http-to /tmp/uwsgi.sock --check\n  ugate /etc/ugate.ini',
  ];
  const all = table();
  for (const group of GROUPS) {
    const options = all.filter((option) => option.group === group && option.later === undefined);
    if (options.length > 0) parts.push([group, ...options.map((option) => formatOption(option, width))].join('\n'));
  }
  const accepted = all.filter((option) => option.later?.effect === 'ignored').map((option) => option.name);
  parts.push(['Accepted for uWSGI', ...wrap(accepted.join(', '), width, 2, 2)].join('\n'));
  parts.push(
    wrap(
      'Times are seconds, or have a unit: 500ms, 30s, 2m, 1h. Sizes are bytes, or have a unit: 64k, 1m, 1g. [=VALUE] may be left out. ' +
        '$(NAME) in a value is an environment variable. In a file an option is "name = value" in the section [uwsgi]. More: docs/options.md',
      width,
      0,
      0,
    ).join('\n'),
  );
  return `${parts.join('\n\n')}\n`;
}

/** `--http-keepalive[=SECONDS]`, with the short form before it. */
export function formatUsage(option: Option): string {
  const argument = argumentName(option);
  const value = argument === '' ? '' : option.bare === undefined ? ` ${argument}` : `[=${argument}]`;
  return `${option.short === undefined ? '' : `-${option.short}, `}--${option.name}${value}`;
}

function formatOption(option: Option, width: number): string {
  const usage = `  ${formatUsage(option)}`;
  const text = wrap(`${option.help}${formatNotes(option)}`, width, TEXT_COLUMN, TEXT_COLUMN);
  if (usage.length + 1 > TEXT_COLUMN) return [usage, ...text].join('\n');
  return [usage.padEnd(TEXT_COLUMN) + text[0].trimStart(), ...text.slice(1)].join('\n');
}

/** What stands in brackets behind the help: may it come again, and what holds without it. */
function formatNotes(option: Option): string {
  if (option.repeatable) return ' [repeatable]';
  const fallback = option.defaultText ?? (option.form.kind === 'flag' ? undefined : option.default);
  if (fallback === undefined) return '';
  const unit = option.defaultText === undefined && option.form.kind === 'duration' ? ' s' : '';
  return ` [${fallback}${unit}]`;
}

/** Words to lines of at most `width` columns; the first begins at column `first`, the others at `rest`. A word is never cut. */
export function wrap(text: string, width: number, first: number, rest: number): string[] {
  const lines: string[] = [];
  let line = ' '.repeat(first);
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = ' '.repeat(rest);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  lines.push(line);
  return lines;
}
