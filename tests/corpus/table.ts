/** docs/conformance.md, made of the results that the black-box suite left. */

import { type AnswerCase, answerThemes, NODE_KINDS, type NodeKind, type RequestCase, requestThemes, type Theme } from './corpus.ts';
import type { ThemeResult } from './results.ts';

export const TARGETS = ['bun', 'deno', 'node', 'binary'] as const;
export const NODE_NAMES: Readonly<Record<NodeKind, string>> = { uwsgi: 'a uwsgi node', http: 'an HTTP node' };

const INTRODUCTION = `# Conformance

What a hostile client can send and what a broken backend can answer, as data in \`tests/corpus/\`: each case has its bytes, the rule of
RFC 9110 or 9112 (or of [errors.md](errors.md), where we are stricter) that it breaks or keeps, and all that may come of it. The cases
are our own; what they try was learned from HTTP/1.1 probes, from the research on request smuggling (CL.TE, TE.CL, TE.TE, CL.0, 0.CL, chunk
extensions and sizes, lone LF and CR, folded lines, hidden names, h2c, Expect) and from the bug histories of other proxies.

Every case runs end to end through a running ugate, between a client on bytes and a node that records, be it one for uwsgi or one for HTTP
whose connections live on:

- a **request** is sent whole, cut in two at every byte (of a long one: at its first 300, its last and some between), dripping byte by byte,
  behind a good request and before one. Either the node receives exactly the vars and the body it should, byte for byte, and the answer is that
  request's; or the client reads the status and the code it should, the connection closes, and the good request behind does not get through.
  The HTTP node forgives nothing: a byte too many is another request, or a breach. Of a chunked body that breaks a rule it may have seen a part,
  but never the end. What is refused before a node is known is cut there at every fortieth byte.
- an **answer** is given whole and cut at every byte, and between the answers to good requests. Either the client, which reads strictly, sees what
  it should; or it gets a 502 with its code; or, when the answer had begun, a connection that ends so that it can tell. An HTTP node keeps its
  connection wherever the answer says where it ends, for the next client; what it sends behind an answer comes with it, and once more later.
  Its answers are cut at each of the last 16 bytes, and at every sixteenth before.

Nothing else may reach either side, on any connection, and every wait is bounded.
`;

const REPRODUCE = `## To see it yourself

\`\`\`sh
npm test -- --only blackbox --filter corpus    # or --runtime bun,deno,node,binary
node_modules/.bin/bun tests/corpus/write-conformance.ts   # writes this page from what the tests left in .reports
\`\`\`

A case that fails is named with the way it was sent, such as \`CL.TE: cut at byte 80\`.

The vars of well-formed requests are compared with those of uWSGI's own router in \`tests/blackbox/differential.test.ts\` (some hundred requests
made by chance; the seed is printed) and \`tests/uwsgi/real-router.test.ts\` (chosen ones, byte for byte); both name every difference they allow.
`;

/** @throws when a theme was not run everywhere, or is not the one that is there now */
export function conformancePage(resultsOf: (under: string) => readonly ThemeResult[]): string {
  const results = new Map(TARGETS.map((under) => [under, resultsOf(under)]));
  const cell = (under: (typeof TARGETS)[number], theme: Theme<unknown>, node: NodeKind): ThemeResult => {
    const found = results.get(under)!.find((result) => result.theme === theme.name && result.node === node);
    if (found?.cases !== theme.cases.length) throw new Error(`${theme.name} was not run on ${under} with ${node}, or has changed since`);
    return found;
  };
  const table = (title: string, node: NodeKind, themes: readonly Theme<RequestCase | AnswerCase>[]): string => {
    const rows = themes
      .filter(({ nodes }) => nodes.includes(node))
      .map((theme) => {
        const cells = TARGETS.map((under) => cell(under, theme, node));
        return [theme.title, theme.cases.length, Math.max(...cells.map(({ trials }) => trials)), ...cells.map(({ passed }) => passed)] as const;
      });
    const sums = rows[0]!.slice(1).map((_, i) => rows.reduce((sum, row) => sum + Number(row[i + 1]), 0));
    const lines = [...rows, ['**all**', ...sums]].map((row) => `| ${row.join(' | ')} |`);
    return `## ${title}\n\n| theme | cases | connections | ${TARGETS.join(' | ')} |\n|---|${'--:|'.repeat(2 + TARGETS.length)}\n${lines.join('\n')}\n`;
  };
  const tables = NODE_KINDS.flatMap((node) => [
    table(`Requests to ${NODE_NAMES[node]}, cases passed`, node, requestThemes()),
    table(`Answers of ${NODE_NAMES[node]}, cases passed`, node, answerThemes()),
  ]);
  return [INTRODUCTION, ...tables, REPRODUCE].join('\n');
}
