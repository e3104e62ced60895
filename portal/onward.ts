import { onwardLink } from './request.ts'

/*
 * Where a guest goes on. Phones and computers find captive portals by asking for a page of their maker; a gateway passes that page on as the one
 * that was wanted. It is empty, or closes the window in which the portal is shown.
 */

/** Hosts that serve nothing but such pages. */
const PROBE_HOSTS = new Set([
  'captive.apple.com',
  'connectivitycheck.gstatic.com',
  'connectivitycheck.android.com',
  'connectivitycheck.platform.hicloud.com',
  'connectivity-check.ubuntu.com',
  'connectivity-check.warp-svc',
  'clients1.google.com',
  'clients3.google.com',
  'clients4.google.com',
  'play.googleapis.com',
  'www.msftconnecttest.com',
  'ipv6.msftconnecttest.com',
  'www.msftncsi.com',
  'ipv6.msftncsi.com',
  'detectportal.firefox.com',
  'detectportal.brave-http-only.com',
  'nmcheck.gnome.org',
  'network-test.debian.org',
  'conncheck.opensuse.org',
  'ping.archlinux.org',
  'connect.rom.miui.com',
  'wifi.vivo.com.cn',
  'conn-service-eu-04.allawntech.com',
  'conn1.oppomobile.com',
  'conn2.oppomobile.com',
  'spectrum.s3.amazonaws.com',
  'edge-http.microsoft.com',
  'cp.cloudflare.com',
])
/** Their pages on hosts that have others as well. */
const PROBE_PATHS =
  /\/(generate_204|gen_204|hotspot-detect\.html|hotspot\.txt|connecttest\.txt|ncsi\.txt|check_network_status\.txt|canonical\.html|success\.txt)$|^\/library\/test\/success\.html$|^\/kindle-wifi\//i

/** A page that an operating system or a browser asks for to find captive portals. */
export function isProbe(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { hostname, pathname } = new URL(url)
  return PROBE_HOSTS.has(hostname) || PROBE_PATHS.test(pathname)
}

/** @param landing the operator's page; null: none, so that guests go on to what they wanted */
export function wayOn(landing: string | null, wanted: string): { href: string; host: string } | null {
  if (landing !== null) return onwardLink(landing)
  return isProbe(wanted) ? null : onwardLink(wanted)
}
