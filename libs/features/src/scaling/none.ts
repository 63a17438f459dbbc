// x as it is; a value that float32 cannot hold saturates.

import type { Scaling } from './scaling.js';

export const none: Scaling = {
  name: 'none',
  description: 'as it is',
  fit: () => ({ offset: 0, scale: 1 }),
};
