// The environment of this process, read as settings: the only reader of process.env.

export { environment, environmentForUp, loadConfig, webhookSecret } from './load.js';
