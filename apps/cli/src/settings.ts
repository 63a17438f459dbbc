// The CLI's settings: where the services listen and where the state lies. Flags win over the environment.

import { environment, environmentForUp, loadConfig } from '@millrace/config';
import {
  type ArtifactSettings,
  artifactSettings,
  launcherSettings,
  type Place,
  PORT_NAMES,
  type Ports,
  placeOf,
  type Replicas,
} from '@millrace/deployment';
import { type Addresses, addressesOf } from './client/addresses.js';

export interface CliSettings {
  /** Absolute. */
  home: string;
  /** Of replica 0 of each service. */
  ports: Ports;
  addresses: Addresses;
  /** The hosts at which they are. */
  hosts: Place['hosts'];
  /** As MILLRACE_REPLICAS says; what runs here may be more. */
  replicas: Replicas;
  /** Own brokers instead of the embedded ones. */
  kafkaBrokers: string | undefined;
  redisUrl: string | undefined;
  /** Where the artifacts are. */
  artifacts: { home: string } & ArtifactSettings;
  /**
   * The whole environment for processes of the platform; `more` wins over what is set.
   * @throws PlatformError naming everything that one of them would refuse
   */
  forUp(more?: Readonly<Record<string, string>>): Record<string, string>;
}

/** @throws PlatformError naming every faulty setting of the CLI at once */
export function cliSettings(env = environment()): CliSettings {
  const config = loadConfig(launcherSettings, env);
  const ports = Object.fromEntries(PORT_NAMES.map((name) => [name, config[name]])) as unknown as Ports;
  const place = placeOf(env);
  return {
    home: config.home,
    ports,
    addresses: addressesOf(ports, place.hosts),
    hosts: place.hosts,
    replicas: place.replicas,
    kafkaBrokers: env.MILLRACE_KAFKA_BROKERS || undefined,
    redisUrl: env.MILLRACE_REDIS_URL || undefined,
    artifacts: {
      home: config.home,
      ...(Object.fromEntries(
        Object.keys(artifactSettings).map((field) => [field, config[field as keyof ArtifactSettings]]),
      ) as unknown as ArtifactSettings),
    },
    forUp: (more = {}) => environmentForUp({ ...env, ...more }),
  };
}
