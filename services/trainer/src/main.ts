// Boot of the trainer.

import { trainer } from './app.module.js';

await trainer.run();
