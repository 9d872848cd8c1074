/** ini files as uWSGI reads them, without what it forgives silently. */

import { ConfigError } from './errors.ts';

export interface IniLine {
  readonly key: string;
  /** Trimmed; null when the line has no "=". Quotes and everything behind a `;` or `#` belong to the value. */
  readonly text: string | null;
  /** Counted from 1. */
  readonly line: number;
}

export interface ReadIni {
  /** The lines of the section, and what is wrong in their midst. */
  readonly lines: readonly (IniLine | ConfigError)[];
  /** Null when the file does not have the section. */
  readonly sectionLine: number | null;
  /** All sections of the file, for a hint. */
  readonly sections: readonly string[];
}

/**
 * The lines of one section of an ini file. Comments are whole lines that begin with `;` or `#`; a section that comes
 * twice adds up. Lines of other sections are not looked at.
 *
 * @param file as it is to be named in errors
 */
export function readIni(content: string, section: string, file: string): ReadIni {
  const lines: (IniLine | ConfigError)[] = [];
  const sections: string[] = [];
  let current: string | null = null;
  let sectionLine: number | null = null;
  const fail = (line: number, message: string, hint: string) => lines.push(new ConfigError({ kind: 'file', file, line }, message, hint));

  for (const [index, raw] of content.split('\n').entries()) {
    const line = index + 1;
    // It takes a byte order mark and the CR of CRLF away too.
    const text = raw.trim();
    if (text === '' || text.startsWith(';') || text.startsWith('#')) continue;
    if (text.startsWith('[')) {
      if (text.endsWith(']')) {
        current = text.slice(1, -1);
        if (!sections.includes(current)) sections.push(current);
        if (current === section) sectionLine ??= line;
      } else {
        fail(line, `"${text}" is no section`, 'write a section alone on its line, such as [uwsgi]');
        // Whether it was meant as the wanted one or another: its lines would only make more errors.
        current = '';
      }
      continue;
    }
    if (current === null) {
      fail(line, `"${text}" stands before any section`, `write [${section}] on a line above`);
      current = section;
      sectionLine ??= line;
    }
    if (current !== section) continue;
    const equals = text.indexOf('=');
    const key = (equals === -1 ? text : text.slice(0, equals)).trim();
    if (key === '') fail(line, `"${text}" has no option before the "="`, 'write name = value');
    else lines.push({ key, text: equals === -1 ? null : text.slice(equals + 1).trim(), line });
  }
  return { lines, sectionLine, sections };
}

/** `file`, `file:section` or `:section`; the section is `uwsgi` when none is named, and the file empty for `:section`. */
export function splitSection(text: string): { readonly file: string; readonly section: string } {
  const colon = text.lastIndexOf(':');
  // A colon in a directory's name does not name a section.
  if (colon === -1 || text.includes('/', colon)) return { file: text, section: 'uwsgi' };
  return { file: text.slice(0, colon), section: text.slice(colon + 1) || 'uwsgi' };
}
