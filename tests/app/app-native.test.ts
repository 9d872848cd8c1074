/** Apps with the runtime's own Response, as the welcome page has it. */

import { addAppTests } from './app-suite.ts';

addAppTests('native');
