// The CLI's settings: where the services listen and where the state lies. Flags win over the environment.

import { environment, environmentForUp, loadConfig } from '@millrace/config';
import {
  type ArtifactSettings,
  artifactSettings,
  launcherSettings,
  PORT_NAMES,
  type Ports,
  placeOf,
} from '@millrace/deployment';
import { type Addresses, addressesOf } from './client/addresses.js';

export interface CliSettings {
  /** Absolute. */
  home: string;
  ports: Ports;
  addresses: Addresses;
  /** Own brokers instead of the embedded ones. */
  kafkaBrokers: string | undefined;
  redisUrl: string | undefined;
  /** Where the artifacts are. */
  artifacts: { home: string } & ArtifactSettings;
  /**
   * The whole environment for processes of the platform.
   * @throws PlatformError naming everything that one of them would refuse
   */
  forUp(): Record<string, string>;
}

/** @throws PlatformError naming every faulty setting of the CLI at once */
export function cliSettings(env = environment()): CliSettings {
  const config = loadConfig(launcherSettings, env);
  const ports = Object.fromEntries(PORT_NAMES.map((name) => [name, config[name]])) as unknown as Ports;
  return {
    home: config.home,
    ports,
    addresses: addressesOf(ports, placeOf(env).hosts),
    kafkaBrokers: env.MILLRACE_KAFKA_BROKERS || undefined,
    redisUrl: env.MILLRACE_REDIS_URL || undefined,
    artifacts: {
      home: config.home,
      ...(Object.fromEntries(
        Object.keys(artifactSettings).map((field) => [field, config[field as keyof ArtifactSettings]]),
      ) as unknown as ArtifactSettings),
    },
    forUp: () => environmentForUp(env),
  };
}
