/** Writes docs/conformance.md from what `tests/run.ts --only blackbox --filter corpus` left. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/paths.ts';
import { loadResults } from './results.ts';
import { conformancePage } from './table.ts';

writeFileSync(join(ROOT, 'docs/conformance.md'), conformancePage(loadResults));
