import { ConfigurationError } from "../../common/environment.ts";
import { Options as RuncOptions } from "../../proto/gen/containerd/runc/v1/options.ts";
import { Options as OtherOptions } from "../../proto/gen/containerd/runtimeoptions/v1/api.ts";
import type { Any } from "../../proto/gen/google/protobuf/any.ts";

export type RuntimeOptions = Readonly<Record<string, string | number | boolean>>;

/**
 * W11: what a runtime's shim is told. Shims of runc and of what stands in for it (crun, youki) know runc's options;
 * the others (gVisor, Kata, Firecracker) a configuration file. Names are the fields' as containerd spells them.
 * @returns undefined when there is nothing to tell
 * @throws ConfigurationError for an option that the runtime does not know
 */
export function encodeRuntimeOptions(runtime: string, options: RuntimeOptions): Any | undefined {
  if (Object.keys(options).length === 0) return undefined;
  if (runtime.startsWith("io.containerd.runc.")) {
    const value = RuncOptions.encode(RuncOptions.fromPartial(known(options, RuncOptions.create(), runtime))).finish();
    return { typeUrl: "containerd.runc.v1.Options", value: Buffer.from(value) };
  }
  const value = OtherOptions.encode(OtherOptions.fromPartial(known(options, OtherOptions.create(), runtime))).finish();
  return { typeUrl: "runtimeoptions.v1.Options", value: Buffer.from(value) };
}

function known(options: RuntimeOptions, defaults: object, runtime: string): Record<string, unknown> {
  const fields = Object.keys(defaults);
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => {
      const field = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
      const example: unknown = defaults[field as keyof object];
      if (!fields.includes(field) || typeof example !== typeof value) {
        const message = `${name}=${value} is no option of ${runtime}; it knows ${fields.join(", ")}`;
        throw new ConfigurationError(`ESB_RUNTIME_OPTIONS: ${message}`);
      }
      return [field, value];
    }),
  );
}
