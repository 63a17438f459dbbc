// Boot of the router.

import { router } from './app.module.js';

await router.run();
