// Settings of the launcher and of every other command of the CLI: where the platform's processes are to be found. What
// the processes themselves take is theirs; the launcher hands its environment on to them.

import { PORT_NAMES, type PortName } from '../ports.js';
import { artifactSettings } from './artifacts.js';
import { commonSettings, portSetting } from './common-settings.js';
import { defineSettings } from './setting.js';

type PortSettings = Readonly<Record<PortName, ReturnType<typeof portSetting>>>;

const ports = Object.fromEntries(
  PORT_NAMES.map((name) => [name, portSetting(name, 'the table of ports in docs/ARCHITECTURE.md')]),
) as unknown as PortSettings;

export const launcherSettings = defineSettings({ ...commonSettings, ...artifactSettings, ...ports });
