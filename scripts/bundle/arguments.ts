import { join } from "node:path";
import { parseArgs } from "node:util";

const deploy = join(import.meta.dirname, "../../deploy");
const usage = `usage: bundle.ts [options] [archive.tar]
  --functions <file>   the machine's functions.yml; the images that it names are packed (deploy/functions.yml)
  --routing <file>     its routing.yml (deploy/routing.yml)
  --env <file>         its esb.env, settings of agent and gateway (an empty one with an explanation)
  --compose <file>     a compose file of deploy/ that is laid over compose.dind.yaml; can be repeated
  --profile <name>     packs the services of this profile too, which then always run; can be repeated
  --build              builds our own images first`;

/** What goes into a bundle. */
export interface BundleOptions {
  /** Absent: named after the version and the platform, in the working directory, which `npm run` makes our own. */
  readonly archive: string | undefined;
  readonly functions: string;
  readonly routing: string;
  readonly env: string;
  readonly compose: readonly string[];
  readonly profiles: readonly string[];
  readonly build: boolean;
}

/** @throws Error with the usage when they are not right */
export function readArguments(args: readonly string[]): BundleOptions {
  const { values, positionals } = parse(args);
  if (positionals.length > 1) throw new Error(usage);
  return {
    archive: positionals[0],
    functions: values.functions,
    routing: values.routing,
    env: values.env,
    compose: values.compose,
    profiles: values.profile,
    build: values.build,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        functions: { type: "string", default: join(deploy, "functions.yml") },
        routing: { type: "string", default: join(deploy, "routing.yml") },
        env: { type: "string", default: join(deploy, "offline/esb.env") },
        compose: { type: "string", multiple: true, default: [] },
        profile: { type: "string", multiple: true, default: [] },
        build: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`);
  }
}
