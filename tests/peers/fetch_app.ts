/** An app without a framework: `{ fetch }`, with all that the tests of embedded mode ask for. */

import { answerOf } from './app_answers.ts';

export default {
  fetch(request: Request, context: { remoteAddress: string; remotePort: number }): Response | Promise<Response> {
    return answerOf('fetch', request, context);
  },
};
