-- Views of a run's audit for DuckDB 1.1 or newer; docs/audit.md says what each column means.
--
--     SET VARIABLE audit = '/research-audit';   -- left out: the folder where DuckDB was started
--     .read docs/views.sql                      -- from Python: connection.execute(text of this file)
--     FROM quarantined_by_reason;
--
-- Read are the files that run.json and earlier/RUN/run.json name, and no others: what a run that was killed left beside them
-- isn't part of any account. Neither codes nor digests are checked, but for the view changed_files. All views are of the present
-- run, but those that say so.

SET VARIABLE audit = coalesce(getvariable('audit'), '.');
SET VARIABLE audit_accounts = (
    SELECT list_concat([getvariable('audit') || '/run.json'], coalesce(list(file), []))
    FROM glob(getvariable('audit') || '/earlier/*/run.json')
);
CREATE OR REPLACE TEMP TABLE accounts AS
SELECT
    content ->> 'run_id' AS run_id,
    filename = getvariable('audit') || '/run.json' AS is_current,
    regexp_replace(filename, '/run\.json$', '') AS folder,
    CAST(content AS JSON) AS account
FROM read_text(getvariable('audit_accounts'))
-- one that was put aside as the next run was killed is here twice
QUALIFY row_number() OVER (PARTITION BY run_id ORDER BY is_current DESC) = 1;

CREATE OR REPLACE TEMP TABLE audit_files AS
SELECT named.run_id, is_current, split_part(name, '-', 1) AS kind, folder || '/' || name AS filename, digest.value AS sha256
FROM (SELECT *, unnest(json_keys(account, '$.tables')) AS name FROM accounts) AS named LEFT JOIN (
    SELECT run_id, unnest(map_entries(CAST(account -> '$.table_digests' AS MAP(VARCHAR, VARCHAR)))) AS digest FROM accounts
) AS digests ON digests.run_id = named.run_id AND digest.key = name;

-- who names no file reads none; columns that an older version didn't write are null
CREATE OR REPLACE TEMP TABLE audit_sources AS
SELECT kind, is_current, 'SELECT * FROM read_parquet([' || string_agg('''' || replace(filename, '''', '''''') || '''', ', ')
    || '], union_by_name = true, filename = true)' AS source
FROM (FROM audit_files UNION ALL SELECT * REPLACE (NULL AS is_current) FROM audit_files)
GROUP BY ALL;
CREATE OR REPLACE TEMP MACRO source_of(wanted_kind, only_current) AS coalesce(
    (SELECT any_value(source) FROM audit_sources WHERE kind = wanted_kind AND is_current IS NOT DISTINCT FROM only_current),
    'SELECT NULL::VARCHAR AS filename WHERE false'
);
SET VARIABLE instances_now = source_of('instances', true);
SET VARIABLE instances_ever = source_of('instances', NULL);
SET VARIABLE gone_now = source_of('gone', true);
SET VARIABLE uid_map_now = source_of('uid_map', true);
SET VARIABLE references_now = source_of('references', true);
SET VARIABLE pixels_ever = source_of('pixels', NULL);

CREATE OR REPLACE TEMP TABLE no_instances (
    source_id VARCHAR, status VARCHAR, reason VARCHAR, reason_tag VARCHAR, reason_keyword VARCHAR, notes VARCHAR[],
    sop_class_uid VARCHAR, transfer_syntax_uid VARCHAR, study_instance_uid VARCHAR, series_instance_uid VARCHAR, sop_instance_uid VARCHAR,
    output_name VARCHAR, size BIGINT, crc32c VARCHAR,
    actions STRUCT(path VARCHAR, keyword VARCHAR, "action" VARCHAR, count INTEGER, reason VARCHAR)[],
    source_version VARCHAR, container_id VARCHAR, study_hash VARCHAR, instance_hash BLOB, pixel_risks VARCHAR[],
    profile_digest VARCHAR, key_id VARCHAR, version VARCHAR, written_in VARCHAR, input_id VARCHAR, modality VARCHAR,
    patient_id VARCHAR, source_size BIGINT, since VARCHAR, settings_digest VARCHAR,
    patient_sex VARCHAR, patient_age VARCHAR
);
CREATE OR REPLACE TEMP TABLE no_uids (
    uid_hash BLOB, new_uid VARCHAR, role VARCHAR, owned BOOLEAN, owners BLOB[], users BLOB[], new_uid_hash BLOB
);
CREATE OR REPLACE TEMP TABLE no_references (
    uid_hash BLOB, new_uid VARCHAR, role VARCHAR, outside BOOLEAN, joins_patients BOOLEAN, study_hashes VARCHAR[]
);
CREATE OR REPLACE TEMP TABLE no_pixels (
    source_id VARCHAR, instance_hash BLOB, output_name VARCHAR, frames BIGINT, rows INTEGER, columns INTEGER, source VARCHAR,
    rule VARCHAR, x0 INTEGER, y0 INTEGER, x1 INTEGER, y1 INTEGER, fill VARCHAR, codec_path VARCHAR, verdict VARCHAR,
    text_pictures INTEGER, text_rounds INTEGER, text_lines INTEGER, text_lines_kept INTEGER, text_least_score FLOAT
);

-- names: written by `python -m tests.support.audit_names`
-- <names>
CREATE OR REPLACE TEMP TABLE modalities AS FROM (VALUES
('ANN', 'Annotation'), ('AR', 'Autorefraction'), ('AS', 'Angioscopy'), ('ASMT', 'Content Assessment Results'), ('AU', 'Audio'),
('BDUS', 'Ultrasound Bone Densitometry'), ('BI', 'Biomagnetic Imaging'), ('BMD', 'Bone Densitometry (X-Ray)'),
('CD', 'Color Flow Doppler'), ('CF', 'Cinefluorography'), ('CFM', 'Confocal Microscopy'), ('CP', 'Colposcopy'),
('CR', 'Computed Radiography'), ('CS', 'Cystoscopy'), ('CT', 'Computed Tomography'), ('CTPROTOCOL', 'CT Protocol (Performed)'),
('DD', 'Duplex Doppler'), ('DF', 'Digital Fluoroscopy'), ('DG', 'Diaphanography'), ('DM', 'Digital Microscopy'),
('DMS', 'Dermoscopy'), ('DOC', 'Document'), ('DS', 'Digital Subtraction Angiography'), ('DX', 'Digital Radiography'),
('EC', 'Echocardiography'), ('ECG', 'Electrocardiography'), ('EEG', 'Electroencephalography'), ('EMG', 'Electromyography'),
('EOG', 'Electrooculography'), ('EPS', 'Cardiac Electrophysiology'), ('ES', 'Endoscopy'), ('FA', 'Fluorescein Angiography'),
('FID', 'Fiducials'), ('FS', 'Fundoscopy'), ('GM', 'General Microscopy'), ('HC', 'Hard Copy'), ('HD', 'Hemodynamic Waveform'),
('IO', 'Intra-Oral Radiography'), ('IOL', 'Intraocular Lens Data'), ('IVOCT', 'Intravascular Optical Coherence Tomography'),
('IVUS', 'Intravascular Ultrasound'), ('KER', 'Keratometry'), ('KO', 'Key Object Selection'), ('LEN', 'Lensometry'),
('LP', 'Laparoscopy'), ('LS', 'Laser Surface Scan'), ('M3D', 'Model for 3D Manufacturing'),
('MA', 'Magnetic Resonance Angiography'), ('MG', 'Mammography'), ('MR', 'Magnetic Resonance'),
('MS', 'Magnetic Resonance Spectroscopy'), ('NM', 'Nuclear Medicine'), ('OAM', 'Ophthalmic Axial Measurements'),
('OCT', 'Optical Coherence Tomography (non-Ophthalmic)'), ('OP', 'Ophthalmic Photography'), ('OPM', 'Ophthalmic Mapping'),
('OPR', 'Ophthalmic Refraction'), ('OPT', 'Ophthalmic Tomography'), ('OPTBSV', 'Ophthalmic Tomography B-scan Volume Analysis'),
('OPTENF', 'Ophthalmic Tomography En Face'), ('OPV', 'Ophthalmic Visual Field'), ('OSS', 'Optical Surface Scan'),
('OT', 'Other'), ('PA', 'Photoacoustic'), ('PLAN', 'Plan'), ('POS', 'Position Sensor'), ('PR', 'Presentation State'),
('PT', 'Positron Emission Tomography'), ('PX', 'Panoramic X-Ray'), ('REG', 'Registration'), ('RESP', 'Respiratory Waveform'),
('RF', 'Radio Fluoroscopy'), ('RG', 'Radiographic Imaging (Film/Screen)'), ('RTDOSE', 'RT Dose'), ('RTIMAGE', 'RT Image'),
('RTINTENT', 'RT Physician Intent'), ('RTPLAN', 'RT Plan'), ('RTRAD', 'RT Radiation'), ('RTRECORD', 'RT Treatment Record'),
('RTSEGANN', 'RT Segment Annotation'), ('RTSTRUCT', 'RT Structure Set'), ('RWV', 'Real World Value Map'),
('SEG', 'Segmentation'), ('SM', 'Slide Microscopy'), ('SMR', 'Stereometric Relationship'),
('SR', 'Structured Report Document'), ('SRF', 'Subjective Refraction'), ('ST', 'Single-Photon Emission Computed Tomography'),
('STAIN', 'Automated Slide Stainer'), ('TEXTUREMAP', 'Texture Map'), ('TG', 'Thermography'), ('US', 'Ultrasound'),
('VA', 'Visual Acuity'), ('VF', 'Videofluorography'), ('XA', 'X-Ray Angiography'), ('XAPROTOCOL', 'XA Protocol (Performed)'),
('XC', 'External-Camera Photography')
) AS named (code, name);
CREATE OR REPLACE TEMP TABLE sop_classes AS FROM (VALUES
('1.2.840.10008.1.20.1', 'StorageCommitmentPushModel'), ('1.2.840.10008.1.20.2', 'StorageCommitmentPullModel'),
('1.2.840.10008.1.3.10', 'MediaStorageDirectoryStorage'), ('1.2.840.10008.5.1.1.27', 'StoredPrintStorage'),
('1.2.840.10008.5.1.1.29', 'HardcopyGrayscaleImageStorage'), ('1.2.840.10008.5.1.1.30', 'HardcopyColorImageStorage'),
('1.2.840.10008.5.1.4.1.1.1', 'ComputedRadiographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.1.1', 'DigitalXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.1.1', 'DigitalXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.1.2', 'DigitalMammographyXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.2.1', 'DigitalMammographyXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.1.3', 'DigitalIntraOralXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.1.3.1', 'DigitalIntraOralXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.10', 'StandaloneModalityLUTStorage'), ('1.2.840.10008.5.1.4.1.1.104.1', 'EncapsulatedPDFStorage'),
('1.2.840.10008.5.1.4.1.1.104.2', 'EncapsulatedCDAStorage'), ('1.2.840.10008.5.1.4.1.1.104.3', 'EncapsulatedSTLStorage'),
('1.2.840.10008.5.1.4.1.1.104.4', 'EncapsulatedOBJStorage'), ('1.2.840.10008.5.1.4.1.1.104.5', 'EncapsulatedMTLStorage'),
('1.2.840.10008.5.1.4.1.1.11', 'StandaloneVOILUTStorage'),
('1.2.840.10008.5.1.4.1.1.11.1', 'GrayscaleSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.10', 'SegmentedVolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.11', 'MultipleVolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.12', 'VariableModalityLUTSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.2', 'ColorSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.3', 'PseudoColorSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.4', 'BlendingSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.5', 'XAXRFGrayscaleSoftcopyPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.6', 'GrayscalePlanarMPRVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.7', 'CompositingPlanarMPRVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.8', 'AdvancedBlendingPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.11.9', 'VolumeRenderingVolumetricPresentationStateStorage'),
('1.2.840.10008.5.1.4.1.1.12.1', 'XRayAngiographicImageStorage'), ('1.2.840.10008.5.1.4.1.1.12.1.1', 'EnhancedXAImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.2', 'XRayRadiofluoroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.2.1', 'EnhancedXRFImageStorage'),
('1.2.840.10008.5.1.4.1.1.12.3', 'XRayAngiographicBiPlaneImageStorage'),
('1.2.840.10008.5.1.4.1.1.128', 'PositronEmissionTomographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.128.1', 'LegacyConvertedEnhancedPETImageStorage'),
('1.2.840.10008.5.1.4.1.1.129', 'StandalonePETCurveStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.1', 'XRay3DAngiographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.2', 'XRay3DCraniofacialImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.3', 'BreastTomosynthesisImageStorage'),
('1.2.840.10008.5.1.4.1.1.13.1.4', 'BreastProjectionXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.13.1.5', 'BreastProjectionXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.130', 'EnhancedPETImageStorage'), ('1.2.840.10008.5.1.4.1.1.131', 'BasicStructuredDisplayStorage'),
('1.2.840.10008.5.1.4.1.1.14.1', 'IntravascularOpticalCoherenceTomographyImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.14.2', 'IntravascularOpticalCoherenceTomographyImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.2', 'CTImageStorage'), ('1.2.840.10008.5.1.4.1.1.2.1', 'EnhancedCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.2.2', 'LegacyConvertedEnhancedCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.20', 'NuclearMedicineImageStorage'),
('1.2.840.10008.5.1.4.1.1.200.1', 'CTDefinedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.2', 'CTPerformedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.3', 'ProtocolApprovalStorage'),
('1.2.840.10008.5.1.4.1.1.200.7', 'XADefinedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.200.8', 'XAPerformedProcedureProtocolStorage'),
('1.2.840.10008.5.1.4.1.1.201.1', 'InventoryStorage'),
('1.2.840.10008.5.1.4.1.1.3', 'UltrasoundMultiFrameImageStorageRetired'),
('1.2.840.10008.5.1.4.1.1.3.1', 'UltrasoundMultiFrameImageStorage'), ('1.2.840.10008.5.1.4.1.1.30', 'ParametricMapStorage'),
('1.2.840.10008.5.1.4.1.1.4', 'MRImageStorage'), ('1.2.840.10008.5.1.4.1.1.4.1', 'EnhancedMRImageStorage'),
('1.2.840.10008.5.1.4.1.1.4.2', 'MRSpectroscopyStorage'), ('1.2.840.10008.5.1.4.1.1.4.3', 'EnhancedMRColorImageStorage'),
('1.2.840.10008.5.1.4.1.1.4.4', 'LegacyConvertedEnhancedMRImageStorage'), ('1.2.840.10008.5.1.4.1.1.481.1', 'RTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.10', 'RTPhysicianIntentStorage'),
('1.2.840.10008.5.1.4.1.1.481.11', 'RTSegmentAnnotationStorage'), ('1.2.840.10008.5.1.4.1.1.481.12', 'RTRadiationSetStorage'),
('1.2.840.10008.5.1.4.1.1.481.13', 'CArmPhotonElectronRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.14', 'TomotherapeuticRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.15', 'RoboticArmRadiationStorage'),
('1.2.840.10008.5.1.4.1.1.481.16', 'RTRadiationRecordSetStorage'),
('1.2.840.10008.5.1.4.1.1.481.17', 'RTRadiationSalvageRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.18', 'TomotherapeuticRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.19', 'CArmPhotonElectronRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.2', 'RTDoseStorage'), ('1.2.840.10008.5.1.4.1.1.481.20', 'RoboticRadiationRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.21', 'RTRadiationSetDeliveryInstructionStorage'),
('1.2.840.10008.5.1.4.1.1.481.22', 'RTTreatmentPreparationStorage'),
('1.2.840.10008.5.1.4.1.1.481.23', 'EnhancedRTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.24', 'EnhancedContinuousRTImageStorage'),
('1.2.840.10008.5.1.4.1.1.481.25', 'RTPatientPositionAcquisitionInstructionStorage'),
('1.2.840.10008.5.1.4.1.1.481.3', 'RTStructureSetStorage'), ('1.2.840.10008.5.1.4.1.1.481.4', 'RTBeamsTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.5', 'RTPlanStorage'), ('1.2.840.10008.5.1.4.1.1.481.6', 'RTBrachyTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.481.7', 'RTTreatmentSummaryRecordStorage'), ('1.2.840.10008.5.1.4.1.1.481.8', 'RTIonPlanStorage'),
('1.2.840.10008.5.1.4.1.1.481.9', 'RTIonBeamsTreatmentRecordStorage'),
('1.2.840.10008.5.1.4.1.1.5', 'NuclearMedicineImageStorageRetired'), ('1.2.840.10008.5.1.4.1.1.501.1', 'DICOSCTImageStorage'),
('1.2.840.10008.5.1.4.1.1.501.2.1', 'DICOSDigitalXRayImageStorageForPresentation'),
('1.2.840.10008.5.1.4.1.1.501.2.2', 'DICOSDigitalXRayImageStorageForProcessing'),
('1.2.840.10008.5.1.4.1.1.501.3', 'DICOSThreatDetectionReportStorage'), ('1.2.840.10008.5.1.4.1.1.501.4', 'DICOS2DAITStorage'),
('1.2.840.10008.5.1.4.1.1.501.5', 'DICOS3DAITStorage'), ('1.2.840.10008.5.1.4.1.1.501.6', 'DICOSQuadrupoleResonanceStorage'),
('1.2.840.10008.5.1.4.1.1.6', 'UltrasoundImageStorageRetired'), ('1.2.840.10008.5.1.4.1.1.6.1', 'UltrasoundImageStorage'),
('1.2.840.10008.5.1.4.1.1.6.2', 'EnhancedUSVolumeStorage'), ('1.2.840.10008.5.1.4.1.1.6.3', 'PhotoacousticImageStorage'),
('1.2.840.10008.5.1.4.1.1.601.1', 'EddyCurrentImageStorage'),
('1.2.840.10008.5.1.4.1.1.601.2', 'EddyCurrentMultiFrameImageStorage'), ('1.2.840.10008.5.1.4.1.1.66', 'RawDataStorage'),
('1.2.840.10008.5.1.4.1.1.66.1', 'SpatialRegistrationStorage'), ('1.2.840.10008.5.1.4.1.1.66.2', 'SpatialFiducialsStorage'),
('1.2.840.10008.5.1.4.1.1.66.3', 'DeformableSpatialRegistrationStorage'),
('1.2.840.10008.5.1.4.1.1.66.4', 'SegmentationStorage'), ('1.2.840.10008.5.1.4.1.1.66.5', 'SurfaceSegmentationStorage'),
('1.2.840.10008.5.1.4.1.1.66.6', 'TractographyResultsStorage'), ('1.2.840.10008.5.1.4.1.1.67', 'RealWorldValueMappingStorage'),
('1.2.840.10008.5.1.4.1.1.68.1', 'SurfaceScanMeshStorage'), ('1.2.840.10008.5.1.4.1.1.68.2', 'SurfaceScanPointCloudStorage'),
('1.2.840.10008.5.1.4.1.1.7', 'SecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.1', 'MultiFrameSingleBitSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.2', 'MultiFrameGrayscaleByteSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.3', 'MultiFrameGrayscaleWordSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.7.4', 'MultiFrameTrueColorSecondaryCaptureImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1', 'VLImageStorageTrial'), ('1.2.840.10008.5.1.4.1.1.77.1.1', 'VLEndoscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.1.1', 'VideoEndoscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.2', 'VLMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.2.1', 'VideoMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.3', 'VLSlideCoordinatesMicroscopicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.4', 'VLPhotographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.4.1', 'VideoPhotographicImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.1', 'OphthalmicPhotography8BitImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.2', 'OphthalmicPhotography16BitImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.3', 'StereometricRelationshipStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.4', 'OphthalmicTomographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.5', 'WideFieldOphthalmicPhotographyStereographicProjectionImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.6', 'WideFieldOphthalmicPhotography3DCoordinatesImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.7', 'OphthalmicOpticalCoherenceTomographyEnFaceImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.5.8', 'OphthalmicOpticalCoherenceTomographyBscanVolumeAnalysisStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.6', 'VLWholeSlideMicroscopyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.7', 'DermoscopicPhotographyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.8', 'ConfocalMicroscopyImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.1.9', 'ConfocalMicroscopyTiledPyramidalImageStorage'),
('1.2.840.10008.5.1.4.1.1.77.2', 'VLMultiFrameImageStorageTrial'),
('1.2.840.10008.5.1.4.1.1.78.1', 'LensometryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.2', 'AutorefractionMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.3', 'KeratometryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.4', 'SubjectiveRefractionMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.5', 'VisualAcuityMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.6', 'SpectaclePrescriptionReportStorage'),
('1.2.840.10008.5.1.4.1.1.78.7', 'OphthalmicAxialMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.78.8', 'IntraocularLensCalculationsStorage'),
('1.2.840.10008.5.1.4.1.1.79.1', 'MacularGridThicknessAndVolumeReportStorage'),
('1.2.840.10008.5.1.4.1.1.8', 'StandaloneOverlayStorage'),
('1.2.840.10008.5.1.4.1.1.80.1', 'OphthalmicVisualFieldStaticPerimetryMeasurementsStorage'),
('1.2.840.10008.5.1.4.1.1.81.1', 'OphthalmicThicknessMapStorage'),
('1.2.840.10008.5.1.4.1.1.82.1', 'CornealTopographyMapStorage'), ('1.2.840.10008.5.1.4.1.1.88.1', 'TextSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.11', 'BasicTextSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.2', 'AudioSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.22', 'EnhancedSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.3', 'DetailSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.33', 'ComprehensiveSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.34', 'Comprehensive3DSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.35', 'ExtensibleSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.4', 'ComprehensiveSRStorageTrial'),
('1.2.840.10008.5.1.4.1.1.88.40', 'ProcedureLogStorage'), ('1.2.840.10008.5.1.4.1.1.88.50', 'MammographyCADSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.59', 'KeyObjectSelectionDocumentStorage'), ('1.2.840.10008.5.1.4.1.1.88.65', 'ChestCADSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.67', 'XRayRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.68', 'RadiopharmaceuticalRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.69', 'ColonCADSRStorage'), ('1.2.840.10008.5.1.4.1.1.88.70', 'ImplantationPlanSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.71', 'AcquisitionContextSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.72', 'SimplifiedAdultEchoSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.73', 'PatientRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.74', 'PlannedImagingAgentAdministrationSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.75', 'PerformedImagingAgentAdministrationSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.76', 'EnhancedXRayRadiationDoseSRStorage'),
('1.2.840.10008.5.1.4.1.1.88.77', 'WaveformAnnotationSRStorage'), ('1.2.840.10008.5.1.4.1.1.9', 'StandaloneCurveStorage'),
('1.2.840.10008.5.1.4.1.1.9.1', 'WaveformStorageTrial'), ('1.2.840.10008.5.1.4.1.1.9.1.1', 'TwelveLeadECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.2', 'GeneralECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.3', 'AmbulatoryECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.1.4', 'General32bitECGWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.2.1', 'HemodynamicWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.3.1', 'CardiacElectrophysiologyWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.4.1', 'BasicVoiceAudioWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.4.2', 'GeneralAudioWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.5.1', 'ArterialPulseWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.6.1', 'RespiratoryWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.6.2', 'MultichannelRespiratoryWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.1', 'RoutineScalpElectroencephalogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.2', 'ElectromyogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.3', 'ElectrooculogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.7.4', 'SleepElectroencephalogramWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.9.8.1', 'BodyPositionWaveformStorage'),
('1.2.840.10008.5.1.4.1.1.90.1', 'ContentAssessmentResultsStorage'),
('1.2.840.10008.5.1.4.1.1.91.1', 'MicroscopyBulkSimpleAnnotationsStorage'),
('1.2.840.10008.5.1.4.34.1', 'RTBeamsDeliveryInstructionStorageTrial'),
('1.2.840.10008.5.1.4.34.10', 'RTBrachyApplicationSetupDeliveryInstructionStorage'),
('1.2.840.10008.5.1.4.34.7', 'RTBeamsDeliveryInstructionStorage'), ('1.2.840.10008.5.1.4.38.1', 'HangingProtocolStorage'),
('1.2.840.10008.5.1.4.39.1', 'ColorPaletteStorage'), ('1.2.840.10008.5.1.4.43.1', 'GenericImplantTemplateStorage'),
('1.2.840.10008.5.1.4.44.1', 'ImplantAssemblyTemplateStorage'), ('1.2.840.10008.5.1.4.45.1', 'ImplantTemplateGroupStorage')
) AS named (uid, name);
-- </names>

-- a row for each listed object; all_instances: those of all runs whose accounts are here
CREATE OR REPLACE TEMP VIEW instances AS
SELECT run_id, rows.* EXCLUDE (filename)
FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('instances_now'))) AS rows JOIN audit_files USING (filename);
CREATE OR REPLACE TEMP VIEW all_instances AS
SELECT run_id, is_current, rows.* EXCLUDE (filename)
FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('instances_ever'))) AS rows JOIN audit_files USING (filename);
-- objects that the run before knew, and that aren't listed any more
CREATE OR REPLACE TEMP VIEW gone AS
SELECT * EXCLUDE (filename) FROM (FROM no_instances UNION ALL BY NAME FROM query(getvariable('gone_now')));
CREATE OR REPLACE TEMP VIEW uid_map AS
SELECT * EXCLUDE (filename) FROM (FROM no_uids UNION ALL BY NAME FROM query(getvariable('uid_map_now')));
CREATE OR REPLACE TEMP VIEW uid_references AS
SELECT * EXCLUDE (filename) FROM (FROM no_references UNION ALL BY NAME FROM query(getvariable('references_now')));

CREATE OR REPLACE TEMP VIEW by_status AS
SELECT status, count(*) AS objects, sum(source_size)::BIGINT AS source_bytes,
    (sum(size) FILTER (status IN ('written', 'skipped')))::BIGINT AS output_bytes
FROM instances GROUP BY status ORDER BY objects DESC;

-- why objects weren't written; is_new: not refused for that in the run that was gone on with
CREATE OR REPLACE TEMP VIEW by_reason AS
SELECT status, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects,
    min(since) AS earliest, count(DISTINCT study_hash) AS studies, count(DISTINCT patient_id) AS patients
FROM instances WHERE reason IS NOT NULL GROUP BY ALL ORDER BY objects DESC, reason;
CREATE OR REPLACE TEMP VIEW quarantined_by_reason AS
SELECT * EXCLUDE (status) FROM by_reason WHERE status = 'quarantined' ORDER BY objects DESC, reason;
CREATE OR REPLACE TEMP VIEW quarantined_by_attribute AS
SELECT reason_tag, reason_keyword, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects
FROM instances WHERE status = 'quarantined' AND reason_tag IS NOT NULL GROUP BY ALL ORDER BY objects DESC, reason_tag;
CREATE OR REPLACE TEMP VIEW quarantined_by_risk AS
SELECT risk, count(*) AS objects, count(*) FILTER (status = 'quarantined') AS quarantined
FROM (SELECT status, unnest(pixel_risks) AS risk FROM instances) GROUP BY risk ORDER BY objects DESC, risk;
CREATE OR REPLACE TEMP VIEW quarantined AS
SELECT reason, reason_tag, reason_keyword, coalesce(since = run_id, true) AS is_new, since, patient_id, study_instance_uid,
    series_instance_uid, sop_instance_uid, modality, sop_classes.name AS sop_class, transfer_syntax_uid, source_size, source_id
FROM instances LEFT JOIN sop_classes ON sop_classes.uid = sop_class_uid
WHERE status = 'quarantined';

CREATE OR REPLACE TEMP VIEW by_modality AS
SELECT modality, modalities.name AS modality_name, sop_class_uid, sop_classes.name AS sop_class, count(*) AS objects,
    count(*) FILTER (status IN ('written', 'skipped')) AS in_output, count(*) FILTER (status = 'duplicate') AS duplicate,
    count(*) FILTER (status = 'filtered') AS filtered, count(*) FILTER (status = 'quarantined') AS quarantined
FROM instances LEFT JOIN modalities ON modalities.code = modality LEFT JOIN sop_classes ON sop_classes.uid = sop_class_uid
GROUP BY ALL ORDER BY objects DESC, modality, sop_class_uid;

-- objects of one patient by the new PatientID; null: unknown, or a rule keeps the original one
CREATE OR REPLACE TEMP VIEW by_patient AS
SELECT patient_id, count(DISTINCT study_hash) AS studies, count(*) AS objects,
    count(*) FILTER (status IN ('written', 'skipped')) AS in_output, count(*) FILTER (status = 'duplicate') AS duplicate,
    count(*) FILTER (status = 'filtered') AS filtered, count(*) FILTER (status = 'quarantined') AS quarantined
FROM instances GROUP BY patient_id ORDER BY objects DESC, patient_id;

CREATE OR REPLACE TEMP VIEW by_study AS
SELECT study_hash, any_value(study_instance_uid) AS study_instance_uid, any_value(patient_id) AS patient_id,
    list_sort(list(DISTINCT modality) FILTER (modality IS NOT NULL)) AS modalities,
    count(DISTINCT series_instance_uid) AS series, count(*) AS listed,
    count(*) FILTER (status = 'written') AS written, count(*) FILTER (status = 'skipped') AS skipped,
    count(*) FILTER (status = 'duplicate') AS duplicate, count(*) FILTER (status = 'filtered') AS filtered,
    count(*) FILTER (status NOT IN ('written', 'skipped', 'duplicate', 'filtered')) AS missing,
    list_sort(list(DISTINCT reason) FILTER (status = 'quarantined')) AS reasons,
    count(*) FILTER (status = 'quarantined' AND coalesce(since = run_id, true)) AS new_missing
FROM instances WHERE study_hash IS NOT NULL GROUP BY study_hash ORDER BY study_instance_uid;
-- less of these came out than was listed: all but what is written, skipped, duplicate or left out by policy is missing
CREATE OR REPLACE TEMP VIEW incomplete_studies AS
SELECT * FROM by_study WHERE missing > 0 ORDER BY missing DESC, study_instance_uid;

-- what was done to each object that lies in the output; of a skipped one its row in the run that wrote it says so
CREATE OR REPLACE TEMP VIEW object_actions AS
SELECT source_id, run_id, output_name, unnest(actions, recursive := true)
FROM (
    SELECT source_id, run_id, output_name, actions FROM instances WHERE status = 'written'
    UNION ALL
    SELECT source_id, made.run_id, made.output_name, made.actions
    FROM instances AS now JOIN all_instances AS made USING (source_id)
    WHERE now.status = 'skipped' AND made.status = 'written' AND made.run_id = now.written_in
);
CREATE OR REPLACE TEMP VIEW actions AS
SELECT path, keyword, "action", coalesce(reason, '') AS reason, count(*) AS objects, sum(count)::BIGINT AS times
FROM object_actions GROUP BY ALL ORDER BY path, "action", reason;
-- skipped objects whose actions are in an audit that lies elsewhere, by the run that has them
CREATE OR REPLACE TEMP VIEW actions_elsewhere AS
SELECT written_in, count(*) AS objects FROM instances
WHERE status = 'skipped' AND written_in NOT IN (SELECT run_id FROM accounts) GROUP BY written_in ORDER BY written_in;
-- what was blanked in each object that lies in the output, and who said so; of a skipped one the run that wrote it has it
CREATE OR REPLACE TEMP VIEW pixels AS
SELECT run_id, blanked.* EXCLUDE (filename)
FROM (FROM no_pixels UNION ALL BY NAME FROM query(getvariable('pixels_ever'))) AS blanked JOIN audit_files USING (filename)
SEMI JOIN (
    SELECT source_id, coalesce(written_in, run_id) AS run_id FROM instances WHERE status IN ('written', 'skipped')
) AS made USING (source_id, run_id);

-- outputs of an earlier run of objects that are refused now: they lie there until a person removes them
CREATE OR REPLACE TEMP VIEW superseded AS
SELECT output_name, size, crc32c, written_in, reason, reason_tag, since, study_instance_uid, source_id
FROM instances WHERE status IN ('quarantined', 'filtered') AND output_name IS NOT NULL AND written_in IS NOT NULL ORDER BY output_name;
-- what lies in the output and another version wrote, or other settings
CREATE OR REPLACE TEMP VIEW other_settings AS
SELECT CASE WHEN is_version THEN 'settings' ELSE 'versions' END AS other, version, settings_digest, profile_digest,
    count(*) AS objects
FROM (
    SELECT instances.*, coalesce(version = (account ->> '$.origin.version'), false) AS is_version,
        coalesce(settings_digest = (account ->> '$.settings.settings_digest'), profile_digest = (account ->> '$.profile_digest'), false)
            AS has_settings
    FROM instances JOIN accounts USING (run_id) WHERE status IN ('written', 'skipped') AND is_current
)
WHERE NOT (is_version AND has_settings) GROUP BY ALL ORDER BY objects DESC;

-- all runs together; null: the run was of a version that didn't say so
CREATE OR REPLACE TEMP VIEW runs AS
SELECT run_id, is_current, CAST(account ->> '$.times.started' AS TIMESTAMP) AS started,
    CAST(account ->> '$.times.ended' AS TIMESTAMP) AS ended, CAST(account ->> '$.times.seconds.total' AS DOUBLE) AS seconds,
    CAST(account ->> '$.listed' AS BIGINT) AS listed, CAST(account ->> '$.counts.written' AS BIGINT) AS written,
    CAST(account ->> '$.counts.skipped' AS BIGINT) AS skipped, CAST(account ->> '$.counts.duplicate' AS BIGINT) AS duplicate,
    CAST(account ->> '$.counts.filtered' AS BIGINT) AS filtered,
    CAST(account ->> '$.counts.quarantined' AS BIGINT) AS quarantined,
    CASE WHEN (account -> '$.new_quarantined') IS NOT NULL THEN
        coalesce(list_sum(map_values(CAST(account -> '$.new_quarantined' AS MAP(VARCHAR, BIGINT)))), 0)::BIGINT
    END AS new_quarantined,
    (account ->> '$.new_since') AS new_since, CAST(account ->> '$.incomplete_studies' AS BIGINT) AS incomplete_studies,
    CAST(account ->> '$.superseded' AS BIGINT) AS superseded, CAST(account ->> '$.gone' AS BIGINT) AS gone,
    CAST(account ->> '$.bytes_written' AS BIGINT) AS bytes_written, (account ->> '$.origin.version') AS version,
    (account ->> '$.profile_digest') AS profile_digest, (account ->> '$.settings.settings_digest') AS settings_digest,
    (account ->> '$.key_id') AS key_id
FROM accounts ORDER BY started NULLS FIRST, run_id;
CREATE OR REPLACE TEMP VIEW reasons_by_run AS
SELECT run_id, started, status, reason, count(*) AS objects, count(*) FILTER (coalesce(since = run_id, true)) AS new_objects
FROM all_instances JOIN runs USING (run_id) WHERE reason IS NOT NULL GROUP BY ALL ORDER BY started NULLS FIRST, run_id, reason;
CREATE OR REPLACE TEMP VIEW stages AS
SELECT run_id, of_stage.key AS stage, of_stage.value AS seconds
FROM (SELECT *, unnest(map_entries(CAST(account -> '$.times.seconds' AS MAP(VARCHAR, DOUBLE)))) AS of_stage FROM accounts)
ORDER BY run_id;
CREATE OR REPLACE TEMP VIEW settings_by_run AS
SELECT run_id, is_current, setting.key AS name, setting.value AS value
FROM (SELECT *, unnest(map_entries(CAST(account -> '$.settings' AS MAP(VARCHAR, JSON)))) AS setting FROM accounts)
ORDER BY run_id, name;
CREATE OR REPLACE TEMP VIEW settings AS SELECT name, value FROM settings_by_run WHERE is_current ORDER BY name;
CREATE OR REPLACE TEMP VIEW changed_settings AS
SELECT * FROM (
    SELECT run_id, name, value, lag(value) OVER of_name AS before, row_number() OVER of_name AS nth FROM settings_by_run
    WINDOW of_name AS (PARTITION BY name ORDER BY run_id)
) WHERE nth > 1 AND value IS DISTINCT FROM before ORDER BY run_id, name;

-- tables that aren't what their run wrote; that someone changed run.json with them shows only with the key (SECURITY.md)
SET VARIABLE audit_tables = (SELECT list(filename) FROM audit_files);
SET VARIABLE digests_now = CASE WHEN getvariable('audit_tables') IS NULL THEN 'SELECT NULL AS filename, NULL AS found WHERE false'
    ELSE 'SELECT filename, sha256(content) AS found FROM read_blob(getvariable(''audit_tables''))' END;
CREATE OR REPLACE TEMP VIEW changed_files AS
SELECT run_id, kind, filename FROM audit_files JOIN query(getvariable('digests_now')) USING (filename) WHERE found <> sha256;
