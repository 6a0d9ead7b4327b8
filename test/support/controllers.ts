import { detectHostLimits } from "../../agent/oci/host.ts";

const { controllers } = await detectHostLimits();

/** Options of a test that cannot hold where a cgroup controller is absent, as it is beside the other version's. */
export function needs(controller: string): { skip: string | false } {
  return { skip: controllers.has(controller) ? false : `no ${controller} controller` };
}
