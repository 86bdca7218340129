/** Networks in CIDR notation (RFC 4632, RFC 4291), for who may connect. */

import { TransferError } from "./errors.ts";

/**
 * Makes a test of whether an address lies in one of the networks, such as `192.0.2.0/24`, `2001:db8::/32` or a single
 * address. Throws a {@linkcode TransferError} for a text that is none.
 */
export async function networkTest(networks: readonly string[]): Promise<(address: string) => boolean> {
  const { default: ipaddr } = await import("ipaddr.js");
  const ranges = networks.map((network) => {
    try {
      if (network.includes("/")) return ipaddr.parseCIDR(network);
      const address = ipaddr.parse(network);
      return [address, address.kind() === "ipv4" ? 32 : 128] as const;
    } catch (cause) {
      throw new TransferError(`"${network}" is no network, such as 192.0.2.0/24 or 2001:db8::/32`, { cause });
    }
  });
  return (text) => {
    // An IPv4 client of a listener for both comes as ::ffff:192.0.2.1.
    const address = ipaddr.process(text);
    return ranges.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
  };
}
