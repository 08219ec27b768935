"""Names, places and templates for labelled descriptions, written by hand; none of it stems from the lists that the vocabulary was cleared by."""

from __future__ import annotations

SURNAMES = ["Abernethy", "Adeyemi", "Ahlgren", "Bachmann", "Baptiste", "Barrientos", "Beaumont", "Bergström", "Blanchard", "Bogdanović", "Bouvier", "Brzezinski", "Calloway", "Cárdenas", "Chaudhry", "Cholmondeley", "Colombo", "D'Angelo", "De-Vries", "Dubois", "Dupont", "Echeverría", "Eichhorn", "Esposito", "Fairweather", "Fernandes", "Ferrari", "Fitzgerald", "Fontaine", "Friedrich", "Gallagher", "García", "Goldstein", "Gonçalves", "Greene", "Grzywacz", "Gutiérrez", "Haddad", "Hakimi", "Hernandez", "Hofmann", "Hughes", "Iannucci", "Ibrahim", "Jankowski", "Jansen", "Johnson", "Kaczmarek", "Karlsson", "Kawasaki", "Kowalski", "Kraus", "Kristensen", "Laroche", "Lindqvist", "Löwenstein", "MacDonald", "Maier", "Martinez", "Meijer", "Mukherjee", "Müller", "Nakamura", "Ngata", "Nguyen", "O'Brien", "Okonkwo", "Oliveira", "Papadopoulos", "Pereira", "Petrov", "Quigley", "Rahman", "Reinhardt", "Ribeiro", "Ricci", "Rodriguez", "Rosenbaum", "Rousseau", "Sánchez", "Santos", "Schäfer", "Schmidt", "Schröder", "Silva", "Smith", "Sørensen", "Sutherland", "Takahashi", "Thibault", "Thompson", "Urquhart", "Vandenberghe", "Vasquez", "Visser", "Wagner", "Washington", "Weiß", "Wieczorek", "Williams", "Wójcik", "Yamamoto", "Yıldız", "Zhang", "Zimmermann", "Zuckerman"]  # fmt: skip

GIVEN = ["John", "Mary", "Robert", "Patricia", "Sean", "Aoife", "Günther", "Heike", "Jean-Luc", "Amélie", "José", "María", "Giulia", "Matteo", "Pieter", "Annelies", "João", "Inês", "Wei", "Yuki", "Fatima", "Omar", "Priya", "Olga", "Ivan", "Agnieszka", "Søren", "Thandiwe", "Kwame", "Chloe", "Zoë", "Raúl", "Jürgen", "Katarzyna", "Mohammed", "Leticia", "Hiroshi", "Bronwyn"]  # fmt: skip

#: surnames that are clinical or everyday words
HARD = ["Head", "Rose", "Stone", "Long", "White", "Young", "Cross", "Moon", "Law", "Brown", "Black", "Hand", "Foot", "Bone", "Neck", "Hart", "Wood", "Page", "Ray", "Short", "Small", "Grey", "Green", "Best", "Field", "Marsh", "Wise", "Nail", "Braun", "Lange", "Klein", "Groß", "Kopf", "Zahn", "Fuß", "Bauch", "Petit", "Legrand", "Blanc", "Costa", "Testa", "Gamba", "Delgado", "Bravo", "Cabeza", "Been", "Groot", "Pinto", "Branco"]  # fmt: skip

CITIES = ["Bath", "Essen", "Nice", "Reading", "Cork", "Hamm", "Tours", "Nancy", "Lecce", "Kraków", "São Paulo", "Zürich", "Boston", "Leeds", "Gdańsk"]
CITIES += ["Springfield", "Utrecht", "Málaga", "Coimbra", "Thunder Bay", "Kilmarnock", "Oshkosh"]

HOSPITALS = ["St. Mary Hospital", "St Thomas", "Mercy Medical Center", "Royal Infirmary", "Universitätsklinikum Essen", "Hôpital Saint-Louis"]
HOSPITALS += ["Klinikum Rechts der Isar", "Ospedale Maggiore", "Hospital Clínico San Carlos", "Northside Imaging Center", "Heart Clinic Bad Krozingen"]
HOSPITALS += ["Brain and Spine Institute", "Sint Lucas Ziekenhuis", "Hospital de Santa Maria", "Praxis Dr. Kopf", "Chest Hospital", "Guy's Hospital"]
HOSPITALS += ["Memorial Sloan Kettering", "Charité", "Massachusetts General Hospital", "Clinique du Parc", "Johns Hopkins University", "Queen Elizabeth II Hospital"]

STREETS = ["# High Street", "# Long Lane", "Hauptstraße #", "# rue de la Paix", "Via Roma #", "Calle Mayor #", "# Oak Avenue Apt 4", "Kerkstraat #"]
STREETS += ["Rua das Flores #", "PO Box #", "# N. Main St.", "Am Stadtpark #", "# Head Road", "Kopfstr. #", "Piazza Garibaldi #"]

#: {placeholder}: an identifier; [text]: neither that nor clinical; everything else is clinical
TEMPLATES = """
CT HEAD W/O CONTRAST {full}
MRI BRAIN W/WO CONTRAST [DOB] {date}
XR CHEST PA AND LAT {date} {time}
CT abdomen and pelvis with IV contrast [for] [Dr.] {titled}
MRI lumbar spine without contrast, [ref. by] [Dr] {surname}
US ABDOMEN COMPLETE [MRN] {id}
MRI L-SPINE W/O [PT:] {full}
t2_tse_sag_320 {surname}
t1_mprage_sag_p2_iso_1.0 {id}
ep2d_diff_b50_400_800_tra_p2_ADC {initials}
Thorax 5.0 B30f {date}
AAHead_Scout {pn}
localizer 3plane {device}
T1 ax post Gd {hospital}
SAG T2 FSE {room}
DWI b1000 axial {phone}
MIP thin slab coronal {email}
3D TOF circle_of_willis {age}
CTA CHEST PE PROTOCOL {full} {age}
CT CHEST LOW DOSE SCREENING {hospital} {city}
MAMMO SCREENING BILATERAL 3D TOMO {hardfull}
XR KNEE LEFT 3 VIEWS {hardfull}
MR pelvis prostate multiparametric PI-RADS {pn}
PET/CT skull base to mid thigh FDG [accession] {id}
Bone scan whole body 99mTc-MDP {city}
Fracture of left distal radius after fall, [seen by] [Dr.] {titled} [at] {hospital}
Persistent headache, rule out subarachnoid hemorrhage. [Call] {phone}
Shortness of breath and fever, suspected pneumonia; {age} [male] [from] {city}
Follow-up of pulmonary nodule, prior CT [on] {date} [at] {hospital}
[Patient] {hard} complains of chest pain radiating to left arm
[Mr.] {titled} : known hepatocellular carcinoma, restaging after chemotherapy
[Mrs] {titled}, chronic low back pain with radiculopathy L5-S1
[Pt] {titled} with right hip pain, status post arthroplasty
[Dictated by:] {full}, {date}
[Read by] {titled} {time} no acute intracranial abnormality
Images sent to {machine}
Report available [from] {email}
[Lives at] {address} : fall, hip fracture
[Room] [Dr.] {titled} portable AP chest, endotracheal tube position
{full}: abdominal distension, exclude small bowel obstruction
{pn} CT THORAX
{id} BRAIN TUMOR POSTOP
{initials} {date} MRI KNEE RIGHT
Right shoulder pain, rotator cuff tear? {hardfull}
Swelling of left calf, exclude DVT ({full}, {age})
Abdominal pain, right lower quadrant, appendicitis? {age}
Kidney stone protocol, hematuria {date}
White matter lesions, demyelination, {full}
LONG AXIS CINE {surname}
Multiple sclerosis follow up, compare {date}
Schädel-CT nativ, Verdacht auf Blutung, [Herr] {titled}, {date}
MRT Knie links, Meniskusriss? [Frau] {surname}, {age}
Röntgen Thorax in zwei Ebenen [Pat.] {full} [geb.] {date}
Zustand nach Sturz, Ausschluss Fraktur, [überwiesen von] [Dr.] {surname}, {city}
Abdomen-Sonographie, Cholezystolithiasis, {hospital}
LWS in 2 Ebenen, Lumboischialgie links [Zimmer] {id}
CT Thorax Abdomen mit Kontrastmittel, Staging Mammakarzinom, [Tel.] {phone}
Lungenembolie? Dyspnoe seit gestern, [wohnhaft] {address}
TDM thorax abdomen pelvis avec injection, [Mme] {surname}, [née le] {date}
IRM cérébrale sans injection, céphalées chroniques, [Dr] {surname} {hospital}
Radiographie du genou droit, traumatisme, {full}, {age}
Échographie abdominale, suspicion de lithiase vésiculaire {city}
Bilan d'extension, cancer du sein, [patient] {id}
TC de tórax sin contraste, control de nódulo pulmonar, [Sra.] {surname}, {age}
RM de rodilla izquierda, rotura de menisco, [remitido por] [Dr.] {surname}
Ecografía abdominal, dolor en hipocondrio derecho, {hospital}
Radiografía de mano derecha, fractura, {full}, [nacido] {date}
TC encefalo senza mezzo di contrasto, trauma cranico, [Sig.] {surname}
RM ginocchio destro, lesione del menisco, [Dott.] {surname}, {city}
Ecografia addome completo, colelitiasi, {full}
Rx torace due proiezioni, febbre e tosse, {age}
CT thorax met contrast, longembolie uitsluiten, [mevr.] {surname}, {date}
MRI linker knie, meniscus scheur, {full}, {hospital}
Echo abdomen, galstenen, [patiënt] {id}
TC de crânio sem contraste, cefaleia, [Sr.] {surname}, {age}
RM do joelho direito, lesão do menisco, [Dra.] {surname}, {hospital}
Ultrassom abdominal, dor abdominal, {full}
Clinical history: cough and weight loss.\\n[Name:] {full}\\n[Phone:] {phone}\\nImpression: right upper lobe mass.
FINDINGS: No pleural effusion or pneumothorax.\\nIMPRESSION: Normal chest.\\n[Electronically signed by] {full} [on] {date} {time}
Anamnese: Rückenschmerzen.\\nBefund: Bandscheibenvorfall L4/5.\\n[Dr. med.] {surname}, {hospital}
Renseignements cliniques : dyspnée, toux.\\nConclusion : pneumonie du lobe inférieur gauche.\\n[Dr] {surname} {phone}
Indication: {age} [female] with breast lump.\\nTechnique: CC and MLO views.\\nComparison: {date}.\\nBI-RADS 4
CHEST PAIN {hard}
knee MRI {hard}
Thoracic spine, compression fracture T12, [son of] {hard}
Chest and abdomen [Dr] {hard} [and] [Mr] {hard}
Head CT [of] [Miss] {titled}
Left ankle sprain [while in] {city}
Gallbladder wall thickening [ID#] {id} {device}
Aortic aneurysm, maximum diameter 5.2 cm, {full} {phone}
Dose report {device} {date}
CT guided biopsy liver lesion segment VII [consent] {initials}
Liver metastases, colorectal carcinoma, chemo {date} {machine}
Pelvic floor dysfunction [c/o] [Prof.] {surname}
Prostate cancer staging, PSA elevated, {address}
{hospital} MRI BREAST BILATERAL WITH AND WITHOUT
Femoral neck fracture {room} {age}
TE=30 ms TR 500 ms flip angle 90 deg {id}
Slice thickness 1.5 mm, 120 kV, 200 mAs {surname}
Upper GI series with barium, reflux, hiatal hernia {date} {full}
Carotid doppler ultrasound, stenosis left ICA, [Ms.] {titled}
Echocardiogram: mild mitral regurgitation, normal ejection fraction [Sister] {titled}
Dental panoramic, impacted wisdom teeth, {full}
CBCT mandible, implant planning {surname} {date}
RT plan prostate boost, 3 fields [physicist] {initials}
GTV lung left {pn}
Stomach biopsy, H&E stain, block 2 {id}
OCT macula right eye, edema {full}
""".strip().splitlines()
TEMPLATES = [template.replace("\\n", "\n") for template in TEMPLATES]
