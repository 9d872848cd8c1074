import type { Config } from '../../src/options/config.ts';
import { makeConfig } from '../../src/options/make-config.ts';
import { readValues } from '../../src/options/values.ts';

/** The configuration of somebody who said nothing. It listens nowhere. */
export const DEFAULTS: Config = makeConfig(readValues([]).values, []);
