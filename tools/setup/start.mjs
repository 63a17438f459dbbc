// `npm start`: set-up, then the platform with the main job on the embedded default, until Ctrl-C (or its end with
// --once).
import { runCli } from './run-cli.mjs';

process.exitCode = await runCli(['start', ...process.argv.slice(2)]);
