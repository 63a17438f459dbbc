// Boot of the monitor.

import { monitor } from './app.module.js';

await monitor.run();
