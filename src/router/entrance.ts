import type { Front, Service } from './service.ts';

/** One listener, and the generation that requests which come through it begin with. */
export interface Entrance {
  readonly front: Front;
  service: Service;
}
