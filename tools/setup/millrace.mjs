#!/usr/bin/env node
// The `millrace` command: sets up what is missing and runs itself on the pinned Node. `millrace doctor` works before
// that.
import { doctor } from './doctor.mjs';
import { runCli } from './run-cli.mjs';

const args = process.argv.slice(2);
process.exitCode = args[0] === 'doctor' ? await doctor({ json: args.includes('--json') }) : await runCli(args);
