/** Reads the JUnit files of `node --test`, `bun test` and `deno test`, which agree on little but the names. */

export interface TestResult {
  /** Names of the groups around it and its own, joined by ` > `. */
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** The failure's text, or the reason of a skip where the file tells one. */
  readonly message: string;
}

interface Element {
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

/** @throws when the file is cut off, as a runner that crashed leaves it. */
export function parseJunit(xml: string): TestResult[] {
  const results: TestResult[] = [];
  collect(parseXml(xml), [], results);
  return results;
}

function collect(element: Element, groups: readonly string[], results: TestResult[]): void {
  if (element.name !== 'testcase') {
    // Only nested suites are groups: the outer ones are files.
    const isGroup = element.name === 'testsuite' && element.attributes.name !== element.attributes.file && !isFile(element.attributes.name);
    const inside = isGroup ? [...groups, element.attributes.name ?? ''] : groups;
    for (const child of element.children) collect(child, inside, results);
    return;
  }
  const failure = element.children.find((child) => child.name === 'failure' || child.name === 'error');
  const skipped = element.children.find((child) => child.name === 'skipped');
  const name = [...groups, element.attributes.name ?? ''].join(' > ');
  // Deno reports a group whose steps failed as a failed test of its own; the steps are there too.
  if (failure !== undefined && /^\d+ test steps? failed$/.test(failure.attributes.message ?? '')) return;
  if (failure !== undefined) results.push({ name, outcome: 'failed', message: failure.text.trim() || (failure.attributes.message ?? '') });
  else if (skipped !== undefined) results.push({ name, outcome: 'skipped', message: skipped.attributes.message ?? '' });
  else results.push({ name, outcome: 'passed', message: '' });
}

function isFile(name = ''): boolean {
  return /\.ts$|^bun test$|^deno test$/.test(name);
}

/** As much XML as test runners write: elements, attributes, text, comments, CDATA. */
function parseXml(xml: string): Element {
  const root: Element = { name: '', attributes: {}, children: [], text: '' };
  const open: Element[] = [root];
  const token = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([\w:-]+)\s*>|<([\w:-]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>|([^<]+)/g;
  for (const [, cdata, closing, name, attributes, empty, text] of xml.matchAll(token)) {
    const top = open.at(-1) ?? root;
    if (cdata !== undefined) top.text += cdata;
    else if (text !== undefined) top.text += unescapeXml(text);
    else if (closing !== undefined) {
      if (top.name !== closing) throw new Error(`</${closing}> closes <${top.name}>`);
      open.pop();
    } else if (name !== undefined) {
      const element: Element = { name, attributes: {}, children: [], text: '' };
      for (const [, key = '', value = ''] of (attributes ?? '').matchAll(/([\w:-]+)="([^"]*)"/g)) element.attributes[key] = unescapeXml(value);
      top.children.push(element);
      if (empty !== '/') open.push(element);
    }
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)?.name}> is not closed`);
  if (root.children.length === 0) throw new Error('no element');
  return root;
}

function unescapeXml(text: string): string {
  const named: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return named[name] ?? whole;
  });
}
