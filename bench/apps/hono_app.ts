/** The app of the JavaScript rows: what each server is given unchanged. */

import { Hono } from 'hono';

const app = new Hono();
app.get('/', (context) => context.text('Hello World'));
app.get('/json', (context) => context.json({ message: 'Hello World', items: [1, 2, 3], isNice: true }));
app.post('/echo', async (context) => context.json(await context.req.json()));

export default app;
