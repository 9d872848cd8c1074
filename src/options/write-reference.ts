/** Writes `docs/options.md` anew: `node src/options/write-reference.ts`. It is a tool of the house and no part of the server. */

import { writeFileSync } from 'node:fs';
import { formatReference } from './reference.ts';

writeFileSync(new URL('../../docs/options.md', import.meta.url), formatReference());
