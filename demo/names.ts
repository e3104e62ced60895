import type { Place } from './rhythm.ts'

/* Words that fictional places and people are named with. */

export const TOWNS = [
  'Alderbrook', 'Ambleford', 'Ashcombe', 'Barrowfield', 'Birchley', 'Blackmoor', 'Bramhall Green', 'Briarton', 'Calderwick', 'Castlebridge',
  'Chalkstead', 'Cloverdale', 'Copthorne Vale', 'Deepwater', 'Dunmere', 'Eastmarsh', 'Elmhurst Park', 'Fairholt', 'Fernhill', 'Foxcote',
  'Glenmoor', 'Greywell', 'Harrowgate', 'Hazelmere', 'Highfold', 'Holmbury', 'Ivybank', 'Kingsholt', 'Kirkwater', 'Langdale Cross',
  'Larkfield', 'Lindenhurst', 'Longmead', 'Marlow Heath', 'Millbrook', 'Netherby', 'Northwold', 'Oakhampton', 'Orchardleigh', 'Pinewood',
  'Quarry Hill', 'Ravensworth', 'Redcliffe', 'Rosemount', 'Saltmarsh', 'Sedgebrook', 'Silverdale', 'Stonebridge', 'Thornbury', 'Underwood',
  'Valebridge', 'Wellspring', 'Westerham', 'Whitcombe', 'Willowbank', 'Winterbourne', 'Woodhaven', 'Wyverley', 'Yarrowdale', 'Yewtree',
] as const // prettier-ignore

export const BUILDINGS: Readonly<Record<Place, readonly string[]>> = {
  office: ['Town Hall', 'Jobcentre', 'Tax Office', 'Civic Centre'],
  library: ['Library', 'Archive'],
  hospital: ['Hospital', 'Health Centre'],
  court: ['Crown Court', 'County Court'],
  school: ['College', 'Academy'],
}

export const FIRST_NAMES = [
  'ada', 'amir', 'anna', 'ben', 'carla', 'chen', 'dana', 'david', 'elif', 'emma', 'farid', 'grace', 'hana', 'ian', 'ines', 'jack',
  'julia', 'kofi', 'lena', 'liam', 'maria', 'max', 'mei', 'nadia', 'noah', 'olga', 'omar', 'paul', 'priya', 'rosa', 'sam', 'sofia',
  'tariq', 'tom', 'uma', 'vera', 'will', 'yara', 'zoe',
] as const // prettier-ignore

export const LAST_NAMES = [
  'abbott', 'ahmed', 'baker', 'brown', 'carter', 'clarke', 'costa', 'davies', 'evans', 'fisher', 'garcia', 'green', 'hall', 'hughes',
  'ibrahim', 'jones', 'khan', 'kowalski', 'lee', 'lewis', 'martin', 'mensah', 'moore', 'nguyen', 'novak', 'okafor', 'patel', 'price',
  'reid', 'rossi', 'scott', 'shah', 'silva', 'smith', 'taylor', 'turner', 'walker', 'ward', 'wilson', 'young',
] as const // prettier-ignore
