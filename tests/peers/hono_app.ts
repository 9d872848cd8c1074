/** A Hono app, with all that the tests of embedded mode ask for. */

import { Hono } from 'hono';
import { answerOf, type ClientOf } from './app_answers.ts';

const app = new Hono<{ Bindings: ClientOf }>();

app.get('/hello/:name', (c) => c.text(`hello ${c.req.param('name')}`));
app.get('/json', (c) => c.json({ query: c.req.query('q') ?? null, id: c.req.header('x-id') ?? null }));
app.post('/form', async (c) => c.json(await c.req.parseBody()));
app.get('/boom', () => {
  throw new Error('the app says no');
});
app.all('*', (c) => answerOf('hono', c.req.raw, c.env));

export default app;
