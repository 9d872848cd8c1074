/** What the fixture apps of embedded mode answer: about themselves and about the request, slowly, when they are let, blocked, or not at all. */

import { existsSync } from 'node:fs';

export interface ClientOf {
  readonly remoteAddress: string;
  readonly remotePort: number;
}

export async function answerOf(framework: string, request: Request, client: ClientOf): Promise<Response> {
  const url = new URL(request.url);
  const number = (name: string, fallback: number): number => Number(url.searchParams.get(name) ?? fallback);
  const word = url.searchParams.get('tell');
  if (word !== null) console.error(`in hand: ${word}`);
  switch (url.pathname) {
    case '/pid':
      return new Response(String(process.pid));
    case '/me':
      return Response.json({
        framework,
        pid: process.pid,
        cwd: process.cwd(),
        variable: process.env.UGATE_TEST_VARIABLE ?? null,
        client: `${client.remoteAddress} ${client.remotePort}`,
        url: request.url,
        headers: [...request.headers],
      });
    case '/echo':
      return new Response(request.body, { headers: { 'x-method': request.method } });
    case '/count':
      return new Response(String((await request.arrayBuffer()).byteLength));
    case '/stream':
      return new Response(pieces(number('n', 3), number('ms', 200)), { headers: { 'content-type': 'text/plain' } });
    case '/cookies': {
      const headers = new Headers();
      headers.append('set-cookie', 'a=1; Path=/');
      headers.append('set-cookie', 'b=2; Expires=Wed, 21 Oct 2065 07:28:00 GMT');
      return new Response('cookies', { headers });
    }
    case '/slow':
      await new Promise((resolve) => setTimeout(resolve, number('ms', 1000)));
      return new Response(`slow ${process.pid}`);
    case '/held': {
      const file = url.searchParams.get('until');
      while (file !== null && !existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 20));
      await request.text();
      return new Response(`held ${process.pid}`);
    }
    case '/block':
      for (;;);
    case '/exit':
      process.exit(number('code', 3));
      break;
    case '/flood': {
      const line = `${'flood '.repeat(170)}\n`;
      for (let left = number('kb', 1024); left > 0; left--) (left % 2 === 0 ? process.stdout : process.stderr).write(line);
      return new Response('flooded');
    }
  }
  return new Response(`hello from ${framework}`, { status: url.pathname === '/' ? 200 : 404 });
}

function pieces(count: number, ms: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (sent > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      if (sent === count) return controller.close();
      controller.enqueue(new TextEncoder().encode(`piece ${sent++}\n`));
    },
  });
}
