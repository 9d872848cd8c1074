/** What a WSGI request costs grows with its bytes, never with the square of its pieces: counted, not timed. */

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { ROOT } from '../support/paths.ts';
import { run } from '../support/process.ts';

it('B8: lines and small pieces of wsgi.input, of packets and of answers cost what their bytes cost', async () => {
  const script = join(ROOT, 'tests/app/fixtures/wsgi_cost.py');
  const env = { PYTHONPATH: join(ROOT, 'src/app/wsgi'), PYTHONDONTWRITEBYTECODE: '1' };
  const { stdout, stderr } = await run(['python3', script], { env, lifetime: 60_000 });
  assert.equal(stderr, '');
  const costs = Object.entries(JSON.parse(stdout) as Record<string, [[number, number], [number, number]]>);
  assert.equal(costs.length, 11);
  for (const [what, [once, twice]] of costs) {
    for (const [index, unit] of ['bytes', 'calls'].entries()) {
      const [one, two] = [once[index]!, twice[index]!];
      assert.ok(two <= 2.2 * one + 10, `${what}: ${one} ${unit} at n, ${two} at 2n`);
    }
    assert.ok(once[0] <= 8 * 30_000, `${what}: ${once[0]} bytes are copied for 30000`);
  }
});
