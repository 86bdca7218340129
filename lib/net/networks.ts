/** Networks in CIDR notation (RFC 4632, RFC 4291), to tell who may connect. */

/**
 * Returns a function that tells whether an address lies in one of the networks, such as `192.0.2.0/24`,
 * `2001:db8::/32` or a single address. Throws a `RangeError` that names the option for any other text.
 */
export async function networkTest(option: string, networks: readonly string[]): Promise<(address: string) => boolean> {
  const { default: ipaddr } = await import("ipaddr.js");
  const ranges = networks.map((network) => {
    const { IPv4, IPv6 } = ipaddr;
    // The short and octal forms of IPv4 addresses are refused: they are rarely what was meant.
    if (IPv4.isValidFourPartDecimal(network)) return [IPv4.parse(network), 32] as const;
    if (IPv4.isValidCIDRFourPartDecimal(network)) return IPv4.parseCIDR(network);
    const withBits = IPv6.isValid(network) ? `${network}/128` : network;
    if (!IPv6.isValidCIDR(withBits)) {
      throw new RangeError(`${option}: "${network}" is not a network such as 192.0.2.0/24 or 2001:db8::/32`);
    }
    const [six, bits] = IPv6.parseCIDR(withBits);
    // A listener for both kinds shows an IPv4 client as ::ffff:192.0.2.1.
    return six.isIPv4MappedAddress() && bits >= 96 ? [six.toIPv4Address(), bits - 96] as const : [six, bits] as const;
  });
  return (text) => {
    // Of an IPv4 client shown so, the address in IPv4.
    const address = ipaddr.process(text);
    return ranges.some(([network, bits]) => address.kind() === network.kind() && address.match(network, bits));
  };
}
