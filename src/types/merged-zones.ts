// Zones whose clocks before 1970 depend on how a tz database was built: the main data merges them
// with a neighbour (ICU, Postgres's own copy), Debian's packages keep their own past (backzone).
// Found by comparing Intl with a Postgres of each kind, every two weeks from 1840 to 2100.

const NAMES = `
  Africa/Accra Africa/Addis_Ababa Africa/Asmara Africa/Bamako Africa/Bangui Africa/Banjul
  Africa/Blantyre Africa/Brazzaville Africa/Bujumbura Africa/Conakry Africa/Dakar
  Africa/Dar_es_Salaam Africa/Djibouti Africa/Douala Africa/Freetown Africa/Gaborone Africa/Harare
  Africa/Kampala Africa/Kigali Africa/Kinshasa Africa/Libreville Africa/Lome Africa/Luanda
  Africa/Lubumbashi Africa/Lusaka Africa/Malabo Africa/Maseru Africa/Mbabane Africa/Mogadishu
  Africa/Niamey Africa/Nouakchott Africa/Ouagadougou Africa/Porto-Novo America/Anguilla
  America/Antigua America/Aruba America/Atikokan America/Blanc-Sablon America/Cayman
  America/Creston America/Curacao America/Dominica America/Grenada America/Guadeloupe
  America/Montserrat America/Nassau America/Port_of_Spain America/St_Kitts America/St_Lucia
  America/St_Thomas America/St_Vincent America/Tortola Antarctica/DumontDUrville
  Antarctica/McMurdo Antarctica/Syowa Asia/Aden Asia/Bahrain Asia/Brunei Asia/Kuala_Lumpur
  Asia/Kuwait Asia/Muscat Asia/Phnom_Penh Asia/Vientiane Atlantic/Reykjavik Atlantic/St_Helena
  Europe/Amsterdam Europe/Copenhagen Europe/Guernsey Europe/Isle_of_Man Europe/Jersey
  Europe/Ljubljana Europe/Luxembourg Europe/Monaco Europe/Oslo Europe/Sarajevo Europe/Skopje
  Europe/Stockholm Europe/Vaduz Europe/Zagreb Indian/Antananarivo Indian/Christmas Indian/Cocos
  Indian/Comoro Indian/Kerguelen Indian/Mahe Indian/Mayotte Indian/Reunion Pacific/Chuuk
  Pacific/Funafuti Pacific/Majuro Pacific/Midway Pacific/Pohnpei Pacific/Saipan Pacific/Wake
  Pacific/Wallis
`

/** Lower-case names. */
export const MERGED_ZONES: ReadonlySet<string> = new Set(NAMES.trim().toLowerCase().split(/\s+/))
