/** What the house rules need to know about a source file, read without a compiler. */

/**
 * The code with comments and the contents of strings, templates and regular expressions blanked out; line breaks stay.
 * Code inside `${…}` is kept, since it is code.
 */
export function codeOnly(text: string): string {
  let out = '';
  let at = 0;
  /** Brace depth inside each `${` that is open. */
  const templates: number[] = [];
  const blank = (end: number): void => {
    out += text.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  };
  const templateEnd = (from: number): number => {
    for (let i = from; i < text.length; i += 1) {
      if (text[i] === '\\') i += 1;
      else if (text[i] === '`') return i + 1;
      else if (text[i] === '$' && text[i + 1] === '{') {
        templates.push(0);
        return i + 2;
      }
    }
    return text.length;
  };
  while (at < text.length) {
    const two = text.slice(at, at + 2);
    const char = text[at] ?? '';
    if (two === '//') blank(indexOr(text, '\n', at));
    else if (two === '/*') blank(indexOr(text, '*/', at) + 2);
    else if (char === "'" || char === '"') blank(quoteEnd(text, at));
    else if (char === '`') blank(templateEnd(at + 1));
    else if (char === '/' && startsRegex(out)) blank(regexEnd(text, at));
    else if (char === '}' && templates.at(-1) === 0) {
      templates.pop();
      blank(templateEnd(at + 1));
    } else {
      const last = templates.length - 1;
      if (last >= 0 && char === '{') templates[last] = (templates[last] ?? 0) + 1;
      if (last >= 0 && char === '}') templates[last] = (templates[last] ?? 0) - 1;
      out += char;
      at += 1;
    }
  }
  return out;
}

/** Every module that is imported or re-exported, type imports and `import('…')` included. */
export function importsOf(text: string): string[] {
  const code = codeOnly(text);
  const found: string[] = [];
  // The keyword must be code; the specifier is read from the text behind it.
  for (const match of code.matchAll(/\bfrom\b|\bimport\b/g)) {
    const specifier = /^\s*\(?\s*(['"])([^'"\n]+)\1/.exec(text.slice(match.index + match[0].length));
    if (specifier?.[2] !== undefined) found.push(specifier[2]);
  }
  return found;
}

/** The statements that stand outside all brackets, as `line number → first line of code`. */
export function topLevelLines(text: string): [number: number, line: string][] {
  const lines: [number, string][] = [];
  let depth = 0;
  for (const [index, line] of codeOnly(text).split('\n').entries()) {
    if (depth === 0 && line.trim() !== '') lines.push([index + 1, line]);
    for (const char of line) {
      if ('{(['.includes(char)) depth += 1;
      if ('})]'.includes(char)) depth -= 1;
    }
  }
  return lines;
}

function indexOr(text: string, mark: string, from: number): number {
  const index = text.indexOf(mark, from);
  return index < 0 ? text.length : index;
}

function quoteEnd(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === text[start] || text[i] === '\n') return i + 1;
  }
  return text.length;
}

/** A slash begins a regular expression where a value may begin. */
function startsRegex(before: string): boolean {
  const code = before.trimEnd();
  return code === '' || /[=(,:;!&|?{}[+\-*%~^<>]$/.test(code) || /\b(return|typeof|case|in|of|do|else)$/.test(code);
}

function regexEnd(text: string, start: number): number {
  let inClass = false;
  for (let i = start + 1; i < text.length; i += 1) {
    const char = text[i];
    if (char === '\n') return i;
    if (char === '\\') i += 1;
    else if (char === '[') inClass = true;
    else if (char === ']') inClass = false;
    else if (char === '/' && !inClass) return i + 1;
  }
  return text.length;
}
